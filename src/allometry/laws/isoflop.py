"""IsoFLOP profiles: the best size at each compute, read off parabolas.

At each budget C the log response is a parabola in ln N; its vertex is the best size
N*(C), and a line through the vertices in log-log gives the size exponent (Hoffmann et
al. 2022, arXiv 2203.15556, approach 2). A parabola is only right near its vertex: on a
grid of sizes that is not centred on N* the exponent is biased even without noise, so a
profile is shown beside a parametric fit, never instead; `bias` says by how much for the
very grid at hand.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from allometry.laws import jackknife
from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate, interval
from allometry.laws.frame import RUN, to_polars, with_runs
from allometry.refusal import Refusal

#: What is read of a table.
ROLES = ("parameters", "compute", "loss")
#: Sizes that a parabola needs at a budget.
LEAST_SIZES = 4
#: Budgets that a line needs.
LEAST_BUDGETS = 3
#: Two computes within this factor belong to one budget.
SAME = 1.25
#: This share of checkpoints at common computes makes a table one of budgets.
MEETING = 0.9
#: Off-centre by more than this share of the sizes' log range earns a warning.
OFF_CENTRE = 0.2
WARNING = (
    "A parabola is biased where the sizes are not centred on the best one, even "
    "without noise: read these numbers beside a parametric fit, not instead."
)


@dataclasses.dataclass(frozen=True)
class Profile:
    """One budget: its compute (FLOPs), what was seen, the parabola and its vertex.

    `coefficients` are of ln y = c₂ u² + c₁ u + c₀, u = ln N − ln N̄ with N̄ the
    geometric mean `centre`. `best_size` is NaN, and `why` says so, for a parabola that
    opens downwards or whose vertex lies outside the sizes.
    """

    compute: float
    sizes: tuple[float, ...]
    responses: tuple[float, ...]
    coefficients: tuple[float, float, float]
    centre: float
    best_size: float
    why: str = ""

    @property
    def usable(self) -> bool:
        """Whether the vertex is a best size."""
        return not self.why


@dataclasses.dataclass(frozen=True)
class IsoFlop:
    """Profiles and the law of their vertices, N* = N₁ C^a with 90 % intervals."""

    profiles: tuple[Profile, ...]
    size_exponent: Estimate
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON-able values."""
        document = dataclasses.asdict(self)
        for profile in document["profiles"]:
            if math.isnan(profile["best_size"]):
                profile["best_size"] = None
        exponent = document["size_exponent"]
        for key in ("value", "low", "high"):
            if math.isnan(exponent[key]):
                exponent[key] = None
        return document


def isoflop(
    table: Any,
    *,
    columns: Mapping[str, str] | None = None,
    budgets: Sequence[float] | None = None,
) -> IsoFlop:
    """Draw a profile at every budget, and a line through the vertices.

    The frame has a row per run (parameters, compute, loss) or per checkpoint of a run
    (with `run`), the loss above 0; `columns` maps these names to the frame's. Budgets
    are by default the computes at which four sizes or more were run. Curves whose
    checkpoints do not meet at such computes are read at each budget by interpolation
    along ln C; by default at eight, log-spaced where at least four sizes were trained.

    Raises:
        Refusal: a column is missing or holds no numbers, a budget is no compute, or
            none has four sizes.
    """
    _refuse_budgets(budgets or ())
    frame = _read(table, columns or {})
    curves = "run" in frame.columns and frame["run"].n_unique() < frame.height / 3
    curves &= not (budgets is None and _meets(frame))
    at = _of_curves(frame, budgets) if curves else _of_runs(frame, budgets)
    found = [
        profile(compute, sizes, losses)
        for compute, sizes, losses in at
        if len(np.unique(sizes)) >= LEAST_SIZES
    ]
    if not found:
        raise Refusal(
            f"No budget has runs of {LEAST_SIZES} sizes: train several sizes with the "
            "same compute, or give budgets that curves of several sizes pass."
        )
    return _through(tuple(found))


def profile(compute: float, sizes: Array, responses: Array) -> Profile:
    """Fit the parabola of one budget; `sizes` and `responses` `[n]`, above 0."""
    u = np.log(sizes)
    centre = float(u.mean())
    c2, c1, c0 = np.polyfit(u - centre, np.log(responses), 2)
    vertex = centre - c1 / (2 * c2) if c2 else math.nan
    why = ""
    if not c2 > 0:
        why = "the parabola opens downwards"
    elif not u.min() <= vertex <= u.max():
        why = "the vertex lies outside the sizes"
    return Profile(
        compute=float(compute),
        sizes=tuple(sizes.tolist()),
        responses=tuple(responses.tolist()),
        coefficients=(float(c2), float(c1), float(c0)),
        centre=math.exp(centre),
        best_size=math.nan if why else math.exp(vertex),
        why=why,
    )


def bias(
    law: Callable[[Array, Array], Array], truth: float, profiles: Sequence[Profile]
) -> float:
    """Say by how much the profiles of this very grid misread a law without noise.

    `law(N, C)` gives the response of sizes at a compute and `truth` is its own size
    exponent; the result is the exponent of the parabolas minus the truth, NaN if they
    give none.
    """
    clean = []
    for one in profiles:
        sizes = np.array(one.sizes)
        seen = law(sizes, np.full(len(sizes), one.compute))
        clean.append(profile(one.compute, sizes, np.asarray(seen)))
    return _through(tuple(clean)).size_exponent.value - truth


def _through(profiles: tuple[Profile, ...]) -> IsoFlop:
    """Lay a line through the usable vertices; leave each out for the interval."""
    usable = [one for one in profiles if one.usable]
    warnings = [WARNING]
    for one in profiles:
        if not one.usable:
            warnings.append(f"At {one.compute:.3g} FLOPs {one.why}: it is left out.")
    if len(usable) < LEAST_BUDGETS:
        warnings.append(
            f"{len(usable)} budgets have a vertex, and a line needs {LEAST_BUDGETS}: "
            "the size exponent is not identified."
        )
        nothing = Estimate(math.nan, math.nan, math.nan, identified=False)
        return IsoFlop(profiles, nothing, tuple(warnings))
    offset = [abs(math.log(one.best_size / one.centre)) for one in usable]
    width = [math.log(max(one.sizes) / min(one.sizes)) for one in usable]
    off = sum(o > OFF_CENTRE * w for o, w in zip(offset, width, strict=True))
    if off:
        warnings.append(
            f"At {off} of {len(usable)} budgets the sizes are centred away from the "
            "vertex, which biases it."
        )
    x = np.log([one.compute for one in usable])
    y = np.log([one.best_size for one in usable])
    slope = float(np.polyfit(x, y, 1)[0])
    left_out = np.array(
        [np.polyfit(np.delete(x, i), np.delete(y, i), 1)[0] for i in range(len(x))]
    )
    quantile = jackknife.student(len(x))
    found = interval(slope, left_out, "1", log=False, quantile=quantile)
    return IsoFlop(profiles, found, tuple(warnings))


def require(names: Sequence[str], columns: Mapping[str, str]) -> None:
    """Refuse a table of columns `names` that lacks one for a profile."""
    unknown = sorted(set(columns) - {*ROLES, *RUN})
    if unknown:
        raise Refusal(
            f"An IsoFLOP profile reads nothing for {unknown[0]!r}; name columns for: "
            f"{', '.join(ROLES)}."
        )
    for role in ROLES:
        name = columns.get(role, role)
        if name not in names:
            raise Refusal(
                f"An IsoFLOP profile needs the column {name!r} for {role!r}; the table "
                f"has: {', '.join(names)}. Name it: --column {role}=NAME."
            )


def _refuse_budgets(budgets: Sequence[float]) -> None:
    for budget in budgets:
        if not 0 < budget < math.inf:
            raise Refusal(
                f"The budget {budget:g} is no compute: give budgets (--budgets) in "
                "FLOPs, each above 0, such as 1e18."
            )
        if list(budgets).count(budget) > 1:
            raise Refusal(f"The budget {budget:g} is given twice: keep one.")


def _read(table: Any, columns: Mapping[str, str]) -> pl.DataFrame:
    frame = to_polars(table)
    require(frame.columns, columns)
    frame = with_runs(frame, columns)
    for role in ROLES:
        name = columns.get(role, role)
        if not frame[name].dtype.is_numeric():
            raise Refusal(
                f"Column {name!r} holds {frame[name].dtype}, not numbers: name a "
                f"column of numbers, --column {role}=NAME."
            )
        frame = frame.with_columns(pl.col(name).cast(pl.Float64).alias(role))
    known = pl.all_horizontal(
        pl.col("parameters", "compute", "loss").is_finite()
        & (pl.col("parameters", "compute", "loss") > 0)
    )
    return frame.filter(known.fill_null(False))


def _meets(frame: pl.DataFrame) -> bool:
    """Say whether nearly all rows lie at computes that four sizes or more share."""
    sizes = pl.col("parameters").n_unique().over(pl.col("compute").round_sig_figs(3))
    return float(frame.select((sizes >= LEAST_SIZES).mean()).item()) >= MEETING


def _of_runs(
    frame: pl.DataFrame, budgets: Sequence[float] | None
) -> list[tuple[float, Array, Array]]:
    """Gather runs by compute: those within `SAME` of a budget, or of each other."""
    frame = frame.sort("compute")
    compute = frame["compute"].to_numpy()
    if budgets is None:
        steps = np.diff(np.log(compute), prepend=np.log(compute[:1]))
        member = np.cumsum(steps > math.log(SAME))
        groups = [np.flatnonzero(member == index) for index in np.unique(member)]
    else:
        groups = [
            np.flatnonzero(np.abs(np.log(compute / budget)) <= math.log(SAME))
            for budget in budgets
        ]
        _refuse_same(budgets, groups)
    return [
        (
            float(np.exp(np.log(compute[rows]).mean())),
            frame["parameters"].to_numpy()[rows],
            frame["loss"].to_numpy()[rows],
        )
        for rows in groups
        if len(rows)
    ]


def _refuse_same(budgets: Sequence[float], groups: Sequence[np.ndarray]) -> None:
    """Refuse budgets that gather the same runs, which would count them twice."""
    seen: dict[tuple[int, ...], float] = {}
    for budget, rows in zip(budgets, groups, strict=True):
        other = seen.setdefault(tuple(rows), budget)
        if len(rows) and other != budget:
            raise Refusal(
                f"The budgets {other:g} and {budget:g} have the same runs, those within"
                f" a factor {SAME:g}: keep one of them."
            )


def _of_curves(
    frame: pl.DataFrame, budgets: Sequence[float] | None
) -> list[tuple[float, Array, Array]]:
    """Read every run's curve at the budgets that it passes."""
    runs = [
        (run["parameters"][0], run["compute"].to_numpy(), run["loss"].to_numpy())
        for _, run in frame.sort("compute").group_by("run", maintain_order=True)
        if run.height > 1
    ]
    if budgets is None:
        low = np.sort([curve.min() for _, curve, _ in runs])
        high = np.sort([curve.max() for _, curve, _ in runs])[::-1]
        few = min(LEAST_SIZES, len(runs)) - 1
        budgets = np.geomspace(low[few], high[few], 8).tolist()
    found = []
    for budget in budgets:
        there = [
            (size, math.exp(np.interp(math.log(budget), np.log(x), np.log(y))))
            for size, x, y in runs
            if x.min() <= budget <= x.max()
        ]
        if there:
            sizes, losses = np.array(there).T
            found.append((float(budget), sizes, losses))
    return found
