"""Backtest: fit below a cut, score above it, against naive baselines.

A form is chosen by how well it forecasts what it has not seen, never by how closely
it fits. Every form is fitted to what lies below a cut along the axis of scale and
scored on what lies above, at several cuts; so are naive rivals: the last value, a pure
power law, a power law with a floor, and where there are several settings (sizes), one
with a floor for each setting. Above the cut it also shows whether the bands are honest,
and whether the form is wrong: its errors lean one way by more than the luck of runs
allows.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from allometry.laws import baseline, prediction
from allometry.laws.arrays import Array
from allometry.laws.fit import fit
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.form.registry import FAMILIES, forms
from allometry.laws.frame import RUN, to_polars, with_runs
from allometry.laws.parametric.settings import FormSettings
from allometry.refusal import Refusal

LAST, BASELINES = "last value", ("power", "power-floor")
EACH = "power-floor per setting"
#: All that is naive: it knows of no input but the axis.
NAIVE = (LAST, *BASELINES, EACH)
#: Cuts by default: these shares of the largest value of the axis.
SHARES = (1 / 30, 1 / 10, 1 / 3)
#: A form is wrong when its mean error exceeds this times what luck allows.
LEANING = 2.0
#: 90 % bands that hold less than this are called too narrow.
HELD = 0.8
_QUANTILE = 1.645
#: Errors whose logarithms differ by less than this are alike.
_ALIKE = 0.02
#: Errors below this (of values: this share of the largest error) are rounding.
_ROUNDING = 1e-6
#: Among those that do as well as each other, a law for each setting comes last.
_CONSTANTS = {LAST: 0.0, EACH: math.inf}


@dataclasses.dataclass(frozen=True)
class Score:
    """How one form did beyond one cut.

    Errors are of ln y (or of y, see `Backtest.scale`), prediction minus what was seen.
    `error` is their root mean square, `bias` their mean, `allowed` what the luck of the
    runs below the cut and above it allows for the bias, with 90 %. `covered` is the
    share of held-out observations inside the 90 % band. `by_distance` is the error by
    the factor beyond the cut. Baselines without bands have NaN there.
    """

    law: str
    cut: float
    error: float
    bias: float
    allowed: float
    covered: float
    identified: bool
    by_distance: Mapping[str, float]
    note: str = ""

    @property
    def leaning(self) -> bool:
        """Whether the errors lean one way by more than is allowed."""
        return abs(self.bias) > LEANING * self.allowed


@dataclasses.dataclass(frozen=True)
class Backtest:
    """The scores of all forms at all cuts, and what follows from them.

    `constants` are how many each form has, by which ties are broken.
    """

    along: str
    response: str
    scale: str
    cuts: tuple[float, ...]
    scores: tuple[Score, ...]
    constants: Mapping[str, float]
    warnings: tuple[str, ...]

    @property
    def ranking(self) -> tuple[tuple[str, float], ...]:
        """Forms and the geometric mean of their errors over the cuts, best first.

        Of forms within about 2 % of each other, or with no error but rounding, that of
        fewer constants comes first; a form that could not be fitted at some cut ranks
        behind those that could.
        """
        means = {law: self._mean(law) for law in self.laws}
        known = [error for error in means.values() if not math.isnan(error)]
        unit = 1.0 if self.scale == "log" else max(known, default=1.0)
        least = max(_ROUNDING * unit, 1e-300)

        def rank(item: tuple[str, float]) -> tuple[bool, int, float]:
            law, error = item
            size = self.constants[law]
            if math.isnan(error):
                return True, 0, size
            return False, round(math.log(max(error, least)) / _ALIKE), size

        return tuple(sorted(means.items(), key=rank))

    @property
    def laws(self) -> tuple[str, ...]:
        """Names of all that was scored, in the order asked for."""
        return tuple(dict.fromkeys(score.law for score in self.scores))

    @property
    def flagged(self) -> tuple[str, ...]:
        """Forms that the data contradict beyond the cuts: most of their cuts lean."""
        found = []
        for law in self.laws:
            mine = [
                s for s in self.scores if s.law == law and not math.isnan(s.allowed)
            ]
            bad = [s for s in mine if s.leaning]
            if mine and 2 * len(bad) > len(mine):
                found.append(law)
        return tuple(found)

    @property
    def covered(self) -> dict[str, float]:
        """The share of what lies beyond the cuts in each form's 90 % bands, if any."""
        found = {}
        for law, _ in self.ranking:
            mine = [score.covered for score in self.scores if score.law == law]
            if known := [share for share in mine if not math.isnan(share)]:
                found[law] = float(np.mean(known))
        return found

    @property
    def table(self) -> pl.DataFrame:
        """Tabulate the scores, one row per form and cut."""
        return pl.DataFrame(
            [
                {**dataclasses.asdict(score), "leaning": score.leaning}
                for score in self.scores
            ]
        )

    def sentences(self) -> list[str]:
        """Say which form forecasts best, and which ones the data contradict."""
        (best, error), *rest = self.ranking
        said = [
            f"{best} forecasts best: its error beyond the cuts is {self._say(error)}."
        ]
        if best == EACH:
            (best, error), *rest = rest
            said.append(
                "It goes on with the curve of each setting by itself, and knows "
                f"nothing of a setting without a curve. Of the others {best} is best, "
                f"and errs by {self._say(error)}."
            )
        naive = [
            (law, value)
            for law, value in rest
            if law in NAIVE and not math.isnan(value)
        ]
        if best not in NAIVE and naive:
            law, value = naive[0]
            errs = f"errs by {self._say(value)}"
            said.append(
                f"The best naive rival, {law}, does as well: it {errs}."
                if value < error * math.exp(_ALIKE)
                else f"The best naive rival, {law}, {errs}, {value / error:.2g} times "
                "as much."
            )
        elif best in NAIVE and set(self.laws) - set(NAIVE):
            said.append(
                "No other form beats this naive one: do not prefer a richer law."
            )
        for law in self.flagged:
            said.append(
                f"{law} is contradicted by what lies beyond the cuts: its errors lean "
                "one way by more than the luck of runs allows. Do not forecast with it."
            )
        for law, covered in self.covered.items():
            narrow = round(covered, 2) < HELD
            if narrow or (law == best and law not in self.flagged):
                said.append(
                    f"The 90 % bands of {law} hold {covered:.0%} of what lies beyond "
                    f"the cuts{': they are too narrow' if narrow else ''}."
                )
        return [*said, *self.warnings]

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON-able values."""
        return {
            "along": self.along,
            "response": self.response,
            "scale": self.scale,
            "cuts": list(self.cuts),
            "ranking": [
                {"law": law, "error": None if math.isnan(error) else error}
                for law, error in self.ranking
            ],
            "flagged": list(self.flagged),
            "scores": [
                {
                    key: None
                    if isinstance(value, float) and math.isnan(value)
                    else value
                    for key, value in {
                        **dataclasses.asdict(score),
                        "leaning": score.leaning,
                    }.items()
                }
                for score in self.scores
            ],
            "sentences": self.sentences(),
        }

    def _mean(self, law: str) -> float:
        errors = [score.error for score in self.scores if score.law == law]
        with np.errstate(all="ignore"):
            return float(np.exp(np.mean(np.log(np.maximum(errors, 1e-300)))))

    def _say(self, error: float) -> str:
        return f"{np.expm1(error):.1%}" if self.scale == "log" else f"{error:.3g}"


def backtest(
    table: Any,
    laws: Sequence[str | Form] = (),
    *,
    columns: Mapping[str, str] | None = None,
    along: str | None = None,
    cuts: Sequence[float] | None = None,
    settings: FormSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Score forms beyond cuts along the column `along`.

    `laws` are forms by name or as records; the naive rivals are always scored too.
    `columns` maps the forms' inputs and response to columns, as in `fit`; forms of one
    input share those of the first law. `along` is by default the first law's growing
    input. `cuts` are values of it; by default a thirtieth, a tenth and a third of the
    largest, those that leave enough below.

    Raises:
        Refusal: a column is missing or holds no numbers, no cut leaves enough below
            and above it, or a cut is outside the data.
    """
    if cuts is not None and len(cuts) == 0:
        raise Refusal("There is no cut: give one at least, or none of all for three.")
    asked = [forms.find(law, columns) for law in (laws or BASELINES)]
    intrinsic = [form.name for form in asked if form.name == "intrinsic"]
    if intrinsic:
        raise Refusal(
            "The intrinsic law cannot be scored so: performance above what was seen "
            "has no place on its axis. Backtest the form that its natural metric "
            "follows (power, of compute against failures per success on the frontier)."
        )
    names = dict(columns or {})
    _refuse_unknown(names, asked)
    frame = with_runs(to_polars(table), names)
    first = asked[0]
    axis = along or names.get(_growing(first), _growing(first))
    response = names.get(first.response.name, first.response.name)
    problem = _Problem(frame, asked, names, axis, response, settings or FormSettings())
    chosen = tuple(sorted(cuts)) if cuts is not None else problem.default_cuts()
    every: list[Form | str] = [*problem.forms(), *problem.naive()]
    scores, done = [], 0
    for cut in chosen:
        below, above = problem.split(cut)
        for form in every:
            scores.append(problem.score(form, cut, below, above))
            done += 1
            if progress is not None:
                progress(done, len(chosen) * len(every))
    return Backtest(
        along=axis,
        response=response,
        scale=problem.scale,
        cuts=chosen,
        scores=tuple(scores),
        constants=_CONSTANTS
        | {form.name: float(len(form.parameters)) for form in problem.forms()},
        warnings=problem.warnings(chosen),
    )


class _Problem:
    """What every form of one backtest shares: the frame, its columns, the scale."""

    def __init__(
        self,
        frame: pl.DataFrame,
        asked: Sequence[Form],
        names: Mapping[str, str],
        axis: str,
        response: str,
        settings: FormSettings,
    ) -> None:
        self.asked, self.names = list(asked), dict(names)
        self.axis, self.response, self.settings = axis, response, settings
        read = [name for form in asked for name in self._columns(form).values()]
        columns = list(dict.fromkeys((axis, response, *read)))
        for name in columns:
            _require(frame, name)
        usable = pl.all_horizontal(pl.col(columns).is_finite().fill_null(False))
        self.frame = frame.filter(usable & (pl.col(axis) > 0))
        if self.frame.height < frame.height / 2:
            named = ", ".join(map(repr, columns))
            raise Refusal(
                f"Most rows lack one of {named}, or have no {axis!r} above 0: nothing "
                "to score."
            )
        self.lost = frame.height - self.frame.height
        positive = bool((self.frame[response] > 0).all())
        linear = any(form.residual == "linear" for form in self.asked)
        self.scale = "log" if positive and not linear else "linear"

    def forms(self) -> list[Form]:
        """Give the forms asked for, then the naive ones that are not among them."""
        known = {form.name for form in self.asked}
        naive = [forms[name] for name in BASELINES if name not in known]
        positive = bool((self.frame[self.response] > 0).all())
        return [*self.asked, *(naive if positive else ())]

    def naive(self) -> list[str]:
        """Name the rivals that are no form of the register."""
        several = len(np.unique(self._settings(self.frame))) > 1
        positive = bool((self.frame[self.response] > 0).all())
        return [EACH, LAST] if several and positive else [LAST]

    def default_cuts(self) -> tuple[float, ...]:
        largest = float(self.frame[self.axis].max())  # type: ignore[arg-type]
        needed = 2 * max(len(form.parameters) for form in self.asked)
        found = []
        for share in SHARES:
            below, above = self.split(share * largest)
            if below.height >= max(needed, 8) and above.height >= 4:
                found.append(share * largest)
        if not found:
            raise Refusal(
                f"No cut at a thirtieth, a tenth or a third of the largest {self.axis} "
                f"leaves {max(needed, 8)} observations below it and 4 above. Give "
                "cuts, or more runs."
            )
        return tuple(found)

    def split(self, cut: float) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give what lies below the cut, at it included, and what lies above."""
        return (
            self.frame.filter(pl.col(self.axis) <= cut),
            self.frame.filter(pl.col(self.axis) > cut),
        )

    def score(
        self, form: Form | str, cut: float, below: pl.DataFrame, above: pl.DataFrame
    ) -> Score:
        """Fit below and score above; a form that cannot be fitted scores NaN."""
        if below.is_empty() or above.is_empty():
            x = self.frame[self.axis].to_numpy()
            raise Refusal(
                f"The cut {cut:g} leaves nothing on one side: {self.axis} runs from "
                f"{x.min():g} to {x.max():g}. Give cuts in between."
            )
        if isinstance(form, str):
            return self._score_naive(form, cut, below, above)
        names = self._columns(form)
        try:
            found = fit(form, below, columns=names, settings=self.settings)
            inputs = {item.name: above[names[item.name]] for item in form.inputs}
            said = found.predict(pl.DataFrame(inputs))
            log = self.scale == "log"
            luck = prediction.luck_of_groups(found, form, inputs, log=log)
        except Refusal as refusal:
            nothing = math.nan
            return Score(
                form.name, cut, nothing, nothing, nothing, nothing, False, {},
                str(refusal),
            )  # fmt: skip
        return self._scored(found, cut, above, said, float(np.mean(luck)))

    def _scored(
        self,
        found: Fit,
        cut: float,
        above: pl.DataFrame,
        said: pl.DataFrame,
        expected: float,
    ) -> Score:
        errors = self._errors(said["value"].to_numpy(), above)
        seen = above[self.response].to_numpy()
        low, high = said["band_low"].to_numpy(), said["band_high"].to_numpy()
        luck = _QUANTILE * _error_of_mean(errors, self._runs(above))
        return Score(
            law=found.law,
            cut=cut,
            error=_rms(errors),
            bias=float(np.mean(errors)),
            allowed=math.hypot(expected, luck),
            covered=float(np.mean((seen >= low) & (seen <= high))),
            identified=found.identified,
            by_distance=self._by_distance(errors, cut, above),
            note="" if found.identified else " ".join(found.warnings[:1]),
        )

    def _score_naive(
        self, law: str, cut: float, below: pl.DataFrame, above: pl.DataFrame
    ) -> Score:
        said = baseline.last_value(
            below[self.axis].to_numpy(),
            below[self.response].to_numpy(),
            self._settings(below),
            self._settings(above),
            log=self.scale == "log",
        )
        if law == EACH:
            said = baseline.per_setting(
                said,
                self._settings(below),
                self._settings(above),
                lambda seen, there: self._alone(
                    below.filter(seen), above.filter(there)
                ),
            )
        errors = self._errors(said, above)
        distance = self._by_distance(errors, cut, above)
        nothing = math.nan
        bias = float(np.mean(errors))
        return Score(law, cut, _rms(errors), bias, nothing, nothing, True, distance)

    def _alone(self, below: pl.DataFrame, above: pl.DataFrame) -> Array:
        """Predict one setting by a power law with a floor; NaN where none is found."""
        form = forms["power-floor"]
        names = self._columns(form)
        settings = dataclasses.replace(self.settings, by=None, interval="jackknife")
        try:
            found = fit(form, below, columns=names, settings=settings)
            said = found.predict(x=above[names["x"]].to_numpy())
        except Refusal:
            return np.full(above.height, math.nan)
        return said["value"].to_numpy()

    def _columns(self, form: Form) -> dict[str, str]:
        """Map a form's roles; forms of one input share axis and response."""
        names = {
            role.name: self.names[role.name]
            for role in (*form.inputs, form.response)
            if role.name in self.names
        }
        if len(form.inputs) == 1:
            names.setdefault(form.inputs[0].name, self.axis)
            if form.name in BASELINES:
                names[form.inputs[0].name] = self.axis
        else:
            names = {item.name: item.name for item in form.inputs} | names
        return {**names, form.response.name: self.response}

    def _settings(self, frame: pl.DataFrame) -> np.ndarray:
        """Name each row's setting: the values of the first law's fixed inputs.

        The axis is none of them, even where nothing grows along a curve.
        """
        columns = self._columns(self.asked[0])
        fixed = [columns[item.name] for item in self.asked[0].inputs if item.fixed]
        names = [name for name in fixed if name != self.axis]
        if not names:
            return np.full(frame.height, "")
        return frame.select(pl.concat_str(names, separator=" ")).to_series().to_numpy()

    def _runs(self, frame: pl.DataFrame) -> np.ndarray:
        if "run" in frame.columns:
            return frame["run"].cast(pl.String).to_numpy()
        return np.arange(frame.height)

    def _scale(self, values: Array) -> Array:
        return np.log(np.maximum(values, 1e-300)) if self.scale == "log" else values

    def _errors(self, said: Array, above: pl.DataFrame) -> Array:
        return self._scale(said) - self._scale(above[self.response].to_numpy())

    def _by_distance(
        self, errors: Array, cut: float, above: pl.DataFrame
    ) -> dict[str, float]:
        factor = above[self.axis].to_numpy() / cut
        parts = {"1–3": (1, 3), "3–10": (3, 10), "10+": (10, math.inf)}
        return {
            name: _rms(errors[(factor > low) & (factor <= high)])
            for name, (low, high) in parts.items()
            if ((factor > low) & (factor <= high)).any()
        }

    def warnings(self, cuts: Sequence[float]) -> tuple[str, ...]:
        """Say how far the backtest reaches."""
        largest = float(self.frame[self.axis].max())  # type: ignore[arg-type]
        reach = largest / min(cuts)
        rows = "1 row is" if self.lost == 1 else f"{self.lost} rows are"
        lost = (
            f"{rows} left out: no {self.axis} above 0, or an input or {self.response} "
            "that is missing or not finite."
        )
        return (
            *([lost] if self.lost else []),
            f"Forms were scored up to {reach:.3g} times beyond their cut; further out "
            "nothing is known.",
        )


def _refuse_unknown(columns: Mapping[str, str], asked: Sequence[Form]) -> None:
    """Refuse columns for what none of the forms reads."""
    every = [*asked, *(forms[name] for name in BASELINES)]
    roles = [role.name for form in every for role in (*form.inputs, form.response)]
    unknown = sorted(set(columns) - {*roles, *RUN, *FAMILIES})
    if unknown:
        raise Refusal(
            f"None of the forms has an input or response {unknown[0]!r}; name columns "
            f"for: {', '.join(dict.fromkeys(roles))}."
        )


def _require(frame: pl.DataFrame, name: str) -> None:
    """Refuse a column that is missing or holds no numbers."""
    if name not in frame.columns:
        raise Refusal(
            f"The table has no column {name!r}; it has: {', '.join(frame.columns)}. "
            "Name it by columns, or --column."
        )
    if not frame[name].dtype.is_numeric():
        raise Refusal(
            f"Column {name!r} holds {frame[name].dtype}, not numbers: convert it to "
            "numbers, or name another by columns (--column) or along (--along)."
        )


def _growing(form: Form) -> str:
    """Name the input along which a form is cut."""
    growing = [item.name for item in form.inputs if not item.fixed]
    return growing[0] if growing else form.inputs[0].name


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else math.nan


def _error_of_mean(errors: Array, runs: np.ndarray) -> float:
    """Give the standard error of the mean error, over runs."""
    means = np.array([errors[runs == run].mean() for run in np.unique(runs)])
    if len(means) < 2:
        return float(np.std(errors))
    return float(np.std(means, ddof=1) / math.sqrt(len(means)))
