"""The fit as users hold it: a result, and the verbs that ask it."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from allometry.laws import figure, forecast, prediction, summary
from allometry.laws.estimates import Result
from allometry.laws.form.form import Form

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Fit(Result):
    """A law with its parameters, how sure we are of them, and what it says.

    `form` is the law's record; None for a law read from a file whose form this
    program does not know, which can be read but not asked.
    """

    form: Form | None = None

    def summary(self) -> str:
        """Say the law in words: verdict, constants with 90 % intervals, warnings."""
        return summary.summary(self)

    def predict(self, inputs: Any = None, /, **values: Any) -> pl.DataFrame:
        """Give the response at inputs: a frame, a mapping, or keywords of numbers.

        The frame's rows have the inputs, and columns `value`, `low`, `high` (90 %
        interval of the law) and `band_low`, `band_high` (of a new observation).
        """
        given = values if inputs is None else inputs
        return prediction.predict(self, self.form, given)

    def forecast(
        self, *, kappa: float | None = None, **question: float
    ) -> forecast.Forecast:
        """Ask the law; see `laws.forecast.forecast` for what it can be asked.

        `fit.forecast(compute=1e12)`, `fit.forecast(loss=2.0, size=1e9)`,
        `fit.forecast(x=1e6)`.
        """
        return forecast.forecast(self, self.form, kappa=kappa, **question)

    def plot(self, path: str | Path | None = None, **options: Any) -> "Figure":
        """Draw the fit for print; `options` are those of `laws.figure.draw`.

        Writes PDF, SVG or PNG to `path`, by its suffix, and returns the figure.
        """
        return figure.draw(self, self.form, path, **options)
