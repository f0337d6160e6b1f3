"""Levels: what it takes to reach a score at one level of complexity.

Every run of the level has its crossing of the threshold (made monotone, `crossing`); a
size needs the geometric mean over its runs, and the level what its best size needs: the
compute, and with it the interactions and the size.

The least of several noisy means is a little low, at every level alike: it moves the
constant of a law through levels, and hardly its exponent.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.crossing import Fate, seen_crossing
from allometry.laws.estimates import Estimate

#: Draws of runs for the interval of what a level needs.
_DRAWS = 1000
#: Part of the way to the middle between two sizes that a best size's interval holds.
_SURE = 0.9

#: A dial's value.
Value = int | float | str


@dataclasses.dataclass(frozen=True)
class Reached:
    """One run: what it had needed at its crossing, or why none was seen.

    `fate` is `crossed`, `censored` (never there) or `early` (there at the first
    checkpoint, so that the crossing is only known to lie before it). `compute` and
    `interactions` are missing unless it crossed; `spent` (FLOPs) is that of all of it.
    """

    run: str
    size: int
    status: str
    fate: Fate
    spent: float
    compute: float | None = None
    interactions: float | None = None


@dataclasses.dataclass(frozen=True)
class Level:
    """One level: its runs, and the least that a size needed.

    `value` is the dial's own. `compute` (FLOPs) has a 90 % interval over draws of runs
    within sizes; it is NaN where no size was seen to cross in more than half of its
    runs. `size` is the best one (parameters) and `interactions` (agent steps) are
    its. `edge` says where the best is the smallest or largest size there, so that
    another might need less; `cut` are the sizes that were not seen to cross when they
    had spent less than `compute`: any of them might need less, were it trained longer.
    """

    value: Value
    runs: tuple[Reached, ...]
    compute: Estimate
    interactions: Estimate
    size: int | None
    edge: str = ""
    cut: tuple[int, ...] = ()

    @property
    def best_size(self) -> Estimate:
        """The best size (parameters), known no finer than sizes were run.

        Its 90 % interval is that of any size nearer to it than to its neighbours. NaN
        where none was seen to cross, and where it may lie beyond those that were run.
        """
        sizes = sorted({one.size for one in self.runs})
        if self.size is None or self.size in (sizes[0], sizes[-1]):
            nothing = math.nan
            return Estimate(nothing, nothing, nothing, "parameters", identified=False)
        place = sizes.index(self.size)
        below, above = sizes[place - 1] / self.size, sizes[place + 1] / self.size
        low, high = self.size * below ** (_SURE / 2), self.size * above ** (_SURE / 2)
        return Estimate(float(self.size), low, high, "parameters")

    def count(self, fate: Fate) -> int:
        """Count the runs with this fate: `crossed`, `censored` or `early`."""
        return sum(one.fate == fate for one in self.runs)


def level_of(
    group: pl.DataFrame,
    by: str,
    threshold: float,
    performance: str,
    generator: np.random.Generator,
) -> Level:
    """Find what the best size of a level needs; its value is the column `by`'s.

    `group` has the level's rows, one per run and checkpoint, with `run, parameters,
    compute, interactions, status` and the performance, which is finite.
    """
    curves = group.partition_by("run", maintain_order=True)
    runs = tuple(_reached(curve, threshold, performance) for curve in curves)
    sizes = sorted({one.size for one in runs})
    known = {size: rows for size in sizes if (rows := _crossed(runs, size)) is not None}
    value = group[by][0]
    if not known:
        nothing = Estimate(math.nan, math.nan, math.nan, "FLOPs", identified=False)
        steps = dataclasses.replace(nothing, unit="agent steps")
        return Level(value, runs, nothing, steps, None)
    best, compute, interactions = _least(known, generator)
    edge = "largest" if best == sizes[-1] else "smallest" if best == sizes[0] else ""
    spent = {size: max(r.spent for r in runs if r.size == size) for size in sizes}
    cut = tuple(n for n in sizes if n not in known and spent[n] < compute.value)
    return Level(
        value, runs, compute, interactions, best, edge if len(sizes) > 1 else "", cut
    )


def _least(
    known: dict[int, Array], generator: np.random.Generator
) -> tuple[int, Estimate, Estimate]:
    """Find the size that needs the least compute, and what it needs."""
    means = {size: rows.mean(0) for size, rows in known.items()}
    best = min(means, key=lambda size: float(means[size][0]))
    drawn = np.stack(
        [
            rows[generator.integers(len(rows), size=(_DRAWS, len(rows)))].mean(1)
            for rows in known.values()
        ]
    )
    least = drawn[np.argmin(drawn[:, :, 0], axis=0), np.arange(_DRAWS)]
    low, high = np.exp(np.quantile(least, (0.05, 0.95), axis=0)).tolist()
    compute, interactions = np.exp(means[best]).tolist()
    return (
        best,
        Estimate(compute, low[0], high[0], "FLOPs"),
        Estimate(interactions, low[1], high[1], "agent steps"),
    )


def _crossed(runs: Sequence[Reached], size: int) -> Array | None:
    """Give ln compute and ln interactions of a size's runs that crossed, `[n, 2]`.

    None where that is not more than half of them: those that do are the lucky ones.
    """
    own = [one for one in runs if one.size == size]
    rows = [
        (math.log(one.compute), math.log(one.interactions))
        for one in own
        if one.compute is not None and one.interactions is not None
    ]
    return np.array(rows) if 2 * len(rows) > len(own) else None


def _reached(curve: pl.DataFrame, threshold: float, performance: str) -> Reached:
    told = curve.row(0, named=True)
    steps = curve["interactions"].to_numpy().astype(float)
    at, fate = seen_crossing(steps, curve[performance], threshold)
    compute = curve["compute"].to_numpy().astype(float)
    name, size, spent = str(told["run"]), int(told["parameters"]), float(compute.max())
    run = Reached(name, size, told["status"], fate, spent)
    if at is None:
        return run
    order = np.argsort(steps)
    compute = compute[order]
    needed = np.exp(np.interp(math.log(at), np.log(steps[order]), np.log(compute)))
    return dataclasses.replace(run, compute=float(needed), interactions=at)
