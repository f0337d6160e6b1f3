"""Holdout: a table cut in two along its axis of scale, and forms scored on it.

Each form is fitted below the cut and scored above; naive rivals are too.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from allometry.laws import baseline, prediction
from allometry.laws.arrays import Array
from allometry.laws.fit import fit
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.form.registry import forms
from allometry.laws.parametric.settings import FormSettings
from allometry.laws.score import BASELINES, EACH, LAST, Score
from allometry.refusal import Refusal

#: Cuts by default: these shares of the largest value of the axis.
SHARES = (1 / 30, 1 / 10, 1 / 3)
_QUANTILE = 1.645


class Holdout:
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
        """Choose the cuts that leave enough below for every form asked for."""
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


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else math.nan


def _error_of_mean(errors: Array, runs: np.ndarray) -> float:
    """Give the standard error of the mean error, over runs."""
    means = np.array([errors[runs == run].mean() for run in np.unique(runs)])
    if len(means) < 2:
        return float(np.std(errors))
    return float(np.std(means, ddof=1) / math.sqrt(len(means)))
