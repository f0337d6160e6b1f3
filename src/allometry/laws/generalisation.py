"""Generalisation: what it takes to reach a score on unseen tasks, against complexity.

Runs of several sizes are trained at several levels of one kind of complexity. Of each
level it is known what its best size needs (`level`). Through the levels goes

    C = c X^k

with X a number that grows with complexity (of states, of games, of policies), given by
its natural logarithm. Levels are the sample: the 90 % interval of k is Student's, from
how far they lie off the line, or from how well they are known themselves where that is
worse: no interval is narrower than that. The law of the lower levels forecasts the
highest. The same law is asked of the interactions that the best size takes, and of how
large it is.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate
from allometry.laws.left_out import LeftOut, leave_out
from allometry.laws.level import Level, level_of
from allometry.laws.plane import Plane, planes
from allometry.laws.regression import exponential, log_error, regression
from allometry.refusal import Refusal

#: Levels that a law needs, and those that a forecast of the highest is made from.
LEAST_LEVELS, LEAST_BELOW = 4, 3
#: A growth over the levels known no better than to this factor identifies nothing.
WIDEST = 10.0
#: Complexities that count what several dials do together.
AGGREGATES = ("log_log_policies",)
#: What is counted beside the compute, of the best size of a level.
OTHERS = ("interactions", "size")
_ENDED = ("done", "nonfinite")
_TIMES = " × "


@dataclasses.dataclass(frozen=True)
class ComplexityLaw:
    """C = c X^k through the levels, X given by the column `complexity` (its ln).

    C is the compute, the interactions or the size of what is best at a level, in the
    unit of `constant`. `growth` is the factor of C over the levels that were seen to
    cross, `log_constant` ln c. Not identified where `warnings` say so; a k whose
    interval holds 0 can be identified: a flat line known well is a finding. `forecast`
    is what the law of the lower levels says of the highest that was seen to cross.
    """

    complexity: str
    exponent: Estimate
    constant: Estimate
    log_constant: float
    growth: Estimate
    identified: bool
    warnings: tuple[str, ...]
    forecast: LeftOut | None = None

    def needed(self, x: Array) -> Array:
        """Give C where the complexity's logarithm is `x`."""
        return np.asarray(np.exp(self.log_constant + self.exponent.value * x))


@dataclasses.dataclass(frozen=True)
class Generalisation:
    """What a threshold takes at the levels, and the laws through them.

    Where several dials were turned, `by` names all of them, and so do the levels;
    `planes` are then the laws of each complexity alone and of the separate ones
    together, asked about levels that they were not told.
    """

    by: str
    threshold: float
    performance: str
    levels: tuple[Level, ...]
    complexities: dict[str, tuple[float, ...]]
    """Of each complexity its logarithm at the levels, in their order."""
    laws: tuple[ComplexityLaw, ...]
    warnings: tuple[str, ...]
    planes: tuple[Plane, ...] = ()
    others: dict[str, tuple[ComplexityLaw, ...]] = dataclasses.field(
        default_factory=dict
    )
    """The laws of `OTHERS`, one for each complexity."""


def generalisation(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str],
    threshold: float,
    complexities: Sequence[str],
    performance: str = "performance",
    chance: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Generalisation:
    """Find what each level of `by` takes to reach a threshold, and the laws of it.

    `table` has one row per run and checkpoint: `run, parameters, compute, interactions,
    status`, the performance, the dial `by` (or several: each combination is a level),
    and of each of `complexities` the natural logarithm, one value per level.
    Performance that is missing after a run went non-finite counts as `chance`; runs
    that have not ended are left out.

    Raises:
        Refusal: a column is missing or holds no numbers, no run has ended, or a
            complexity has several values at a level.
    """
    dials = (by,) if isinstance(by, str) else tuple(by)
    ended, by = (
        _ended(table, dials, (performance, *complexities), chance),
        _TIMES.join(dials),
    )
    if len(dials) > 1:
        ended = ended.with_columns(pl.concat_str(dials, separator=_TIMES).alias(by))
    generator = generator or np.random.default_rng(0)
    groups = ended.partition_by(by, maintain_order=True)
    known = [{name: _one(group, name, by) for name in complexities} for group in groups]
    order = sorted(range(len(groups)), key=lambda place: tuple(known[place].values()))
    ordered = [groups[place] for place in order]
    levels = tuple(
        level_of(group, by, threshold, performance, generator) for group in ordered
    )
    logs = {name: tuple(known[place][name] for place in order) for name in complexities}
    laws, *others = (
        tuple(_law(name, logs[name], levels, what) for name in complexities)
        for what in ("compute", *OTHERS)
    )
    return Generalisation(
        by=by,
        threshold=threshold,
        performance=performance,
        levels=levels,
        complexities=logs,
        laws=laws,
        warnings=tuple(_warnings(by, threshold, levels)),
        planes=planes(levels, logs, _candidates(complexities)) if dials[1:] else (),
        others=dict(zip(OTHERS, others, strict=True)),
    )


def foretell(found: Generalisation, complexity: str, x: float) -> Estimate:
    """Forecast what a level will take that was not run (FLOPs).

    `x` is the logarithm of its complexity; the interval, 90 %, is of a new level. It is
    what a `forecast.json` of the atlas holds. It takes for granted that no size would
    need less at a level than its best does: look at `Level.cut` first. Raises `Refusal`
    where too few levels were seen to cross.
    """
    seen = [
        (each, one.compute)
        for each, one in zip(found.complexities[complexity], found.levels, strict=True)
        if math.isfinite(one.compute.value)
    ]
    if (count := len({each for each, _ in seen})) < LEAST_BELOW:
        raise Refusal(
            f"Levels of {count} different values of {complexity} were seen to cross, "
            f"and a forecast needs {LEAST_BELOW}."
        )
    line = regression(
        np.array([[each] for each, _ in seen]),
        np.array([math.log(compute.value) for _, compute in seen]),
        np.array([log_error(compute) for _, compute in seen]),
    )
    assert line is not None, "the levels are of several values"
    return exponential(*line.predicted(np.array([x])), "FLOPs")


def _candidates(complexities: Sequence[str]) -> list[tuple[str, ...]]:
    """List the laws to compare: of each complexity alone, and of all separate ones."""
    apart = tuple(name for name in complexities if name not in AGGREGATES)
    return [*((name,) for name in complexities), *([apart] if apart[1:] else [])]


def _law(
    name: str, logs: Sequence[float], levels: Sequence[Level], what: str
) -> ComplexityLaw:
    """Lay the law of what is counted through the levels of which it is known."""
    counted = [_counted(level, what) for level in levels]
    seen = [n for n, one in enumerate(counted) if math.isfinite(one.value)]
    left_out = _left_out([level for n, level in enumerate(levels) if n not in seen])
    nothing = Estimate(math.nan, math.nan, math.nan, identified=False)
    law = ComplexityLaw(name, nothing, nothing, math.nan, nothing, False, ())
    if (count := len({logs[n] for n in seen})) < LEAST_LEVELS:
        between = " at a size between others" if what == "size" else ""
        reason = (
            f"Levels of {count} different values of {name} were seen to cross"
            f"{between}, and a law needs {LEAST_LEVELS}."
        )
        remedies = [remedy for _, remedy in left_out]
        return dataclasses.replace(law, warnings=(" ".join([reason, *remedies]),))
    x = np.array([logs[n] for n in seen])
    y = np.array([math.log(counted[n].value) for n in seen])
    known = np.array([log_error(counted[n]) for n in seen])
    unit = counted[seen[0]].unit
    doubts = left_out + _cut_short([levels[n] for n in seen])
    line = regression(x[:, None], y, known)
    assert line is not None, "the levels are of several values"
    (k, log_c), (k_width, c_width) = line.constants.tolist(), line.widths.tolist()
    width = float(x.max() - x.min())
    growth = exponential(k * width, k_width * width, "1")
    law = dataclasses.replace(
        law,
        exponent=Estimate(k, k - k_width, k + k_width),
        constant=exponential(log_c, c_width, unit),
        log_constant=log_c,
        growth=growth,
        warnings=tuple(" ".join(both) for both in doubts),
        forecast=_forecast(x, y, known, [levels[n] for n in seen], unit),
    )
    if growth.high / growth.low <= WIDEST**2:
        return dataclasses.replace(law, identified=True)
    named = {"size": "best size", "interactions": "number of interactions"}
    reason = (
        f"Over these levels of {name} the {named.get(what, what)} changes by a factor "
        f"of {growth.low:.2g} to {growth.high:.2g}: known no better than to "
        f"{WIDEST:g} times to each side. Run more levels, or levels further apart."
    )
    return dataclasses.replace(law, warnings=(*law.warnings, reason))


def _counted(level: Level, what: str) -> Estimate:
    """Give what the best size of a level takes, or how large it is."""
    found: Estimate = getattr(level, "best_size" if what == "size" else what)
    return found


def _left_out(levels: Sequence[Level]) -> list[tuple[str, str]]:
    """Say why levels are left out of a law, and what would mend it."""
    unseen = [level for level in levels if not math.isfinite(level.compute.value)]
    found = []
    if unseen:
        where = ", ".join(str(level.value) for level in unseen)
        reason = (
            "Levels that were not seen to cross are left out: they need more than was "
            "spent, so that the law may be too flat."
        )
        found.append((reason, f"Train longer at {where}, or ask for less."))
    if at_edge := [level for level in levels if level not in unseen]:
        where = ", ".join(str(level.value) for level in at_edge)
        reason = (
            "Levels at which the best size is the smallest or the largest that was "
            "run are left out: the best may lie beyond."
        )
        found.append((reason, f"Run more sizes at {where}."))
    return found


def _cut_short(levels: Sequence[Level]) -> list[tuple[str, str]]:
    """Say at which levels a size that was left out might need less than the best."""
    where = ", ".join(str(level.value) for level in levels if level.cut)
    if not where:
        return []
    reason = (
        f"At {where} a size that was not seen to cross had spent less than what the "
        "best needs: it might need less."
    )
    return [(reason, "Train the small sizes there for longer.")]


def _forecast(
    x: Array, y: Array, known: Array, levels: Sequence[Level], unit: str
) -> LeftOut | None:
    """Forecast the highest level from the law of those below it."""
    below = x < x.max()
    if len(set(x[below])) < LEAST_BELOW or (~below).sum() > 1:
        return None
    highest = levels[int(np.argmax(x))].value
    return leave_out(x[:, None], y, known, below, highest, unit)


def _ended(
    table: pl.DataFrame, dials: Sequence[str], numbers: Sequence[str], chance: float
) -> pl.DataFrame:
    """Keep the runs that ended, their performance in numbers."""
    counted = ("compute", "interactions")
    wanted = ("run", "parameters", "status", *dials, *counted, *numbers)
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise Refusal(
            f"The law of generalisation needs the column {missing[0]!r}; the table "
            f"has: {', '.join(table.columns)}."
        )
    for name in ("parameters", "compute", "interactions", *numbers):
        if not table[name].dtype.is_numeric() and table[name].dtype != pl.Null:
            raise Refusal(f"Column {name!r} holds {table[name].dtype}, not numbers.")
    rows = table.filter(
        pl.col("status").is_in(_ENDED),
        pl.col("interactions") > 0,
        pl.col("compute") > 0,
    )
    if rows.is_empty():
        raise Refusal(
            "The table holds no finished run: column 'status' says neither done nor "
            "nonfinite in any row. Finish the study first."
        )
    performance = pl.col(numbers[0]).cast(pl.Float64).fill_nan(None)
    return rows.with_columns(performance.fill_null(chance))


def _one(group: pl.DataFrame, name: str, by: str) -> float:
    """Give the one value that a level has of a complexity."""
    values = group[name].unique()
    if len(values) != 1 or values[0] is None or not math.isfinite(values[0]):
        raise Refusal(
            f"At {by} = {group[by][0]} the column {name!r} has {len(values)} values, "
            "and a level has one complexity: divide the table first, or name a column "
            "that does not vary within a level."
        )
    return float(values[0])


def _warnings(by: str, threshold: float, levels: Sequence[Level]) -> Iterable[str]:
    for level in levels:
        where, total = f"At {by} = {level.value}", len(level.runs)
        if censored := level.count("censored"):
            yield (
                f"{where}, {censored} of {total} runs never reached {threshold:g}; "
                "sizes of which half or more did not are left out."
            )
        if early := level.count("early"):
            yield (
                f"{where}, {early} of {total} runs were at {threshold:g} by their "
                "first checkpoint: evaluate earlier, or ask for more."
            )
        if level.cut:
            sizes = ", ".join(str(size) for size in level.cut)
            yield (
                f"{where} runs of {sizes} parameters had not got there when they had "
                "spent less than the best size needs: they might need less, were they "
                "trained for longer."
            )
    for edge in ("smallest", "largest"):
        values = ", ".join(str(level.value) for level in levels if level.edge == edge)
        if values:
            yield (
                f"At {by} = {values} the best size is the {edge} that was run: another "
                "might need less compute."
            )
