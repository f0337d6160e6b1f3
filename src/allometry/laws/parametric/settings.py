"""Settings: how a form is fitted; the defaults suit a grid of runs."""

import dataclasses
import math
from typing import Literal

from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class FormSettings:
    """How a form is fitted. Raises `Refusal` where a value makes no sense."""

    loss: Literal["huber", "squared"] = "huber"
    """Loss of a residual: Huber's forgives outliers, the squared one weighs them."""
    delta: float | None = None
    """Where Huber's loss turns linear, in the residual's unit; by default 1.345
    standard deviations of the residuals, as their median deviation tells them."""
    by: str | None = None
    """Column whose values are left out, or drawn, together; by default runs that
    share the inputs that a run has one value of, else runs, else rows."""
    interval: Literal["jackknife", "bootstrap"] = "jackknife"
    """Intervals from refits without each group, or from refits to drawn groups."""
    resamples: int = 1000
    """Refits of the bootstrap."""
    seed: int = 0
    """Seed of the generator that draws the bootstrap's groups."""
    chance: float | None = None
    """Response that a run which went non-finite is given from there on; without one,
    those rows are left out. Either way they are counted."""
    exclude_first: float = 0.0
    """Share of each run, from its start along the input that grows, to leave out."""
    tuned: str = "not stated"
    """What was tuned for each run and how, for the card."""

    def __post_init__(self) -> None:
        if self.delta is not None and not 0 < self.delta < math.inf:
            raise Refusal(
                f"delta is {self.delta:g}: give a number above 0 that is finite."
            )
        if self.chance is not None and not math.isfinite(self.chance):
            raise Refusal(f"chance is {self.chance:g}: give a finite number.")
        if self.seed < 0:
            raise Refusal(f"seed is {self.seed}: give a whole number of at least 0.")
        if self.resamples < 20:
            raise Refusal(
                f"resamples is {self.resamples}: an interval needs at least 20, "
                "better 1000."
            )
        if not 0 <= self.exclude_first < 1:
            raise Refusal(
                f"exclude_first is {self.exclude_first:g}: give the share of each run "
                "to leave out, at least 0 and less than 1."
            )
