"""Settings: what must be decided before an intrinsic-performance law is fitted.

The band above all: the law drifts with the level of performance, so a band chosen
after looking at the fit chooses the exponent.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

from allometry.laws import keys
from allometry.refusal import Refusal

Band = tuple[float, float]
#: A band that is not given; it then follows from chance, maximum and the band.
_UNSET: Band = (math.nan, math.nan)
#: The band, as shares of the way from chance to maximum.
_LOW, _HIGH = 1 / 9, 17 / 18
#: Parts of the band that show drift.
_PARTS = ((0.0, 8 / 15), (0.2, 0.8), (0.4, 1.0))
_DIGITS = 12


@dataclasses.dataclass(frozen=True)
class IntrinsicSettings:
    """How the points of a law are made, and what its card says of them.

    Bands, `chance` and `maximum` are in the unit of the performance column.
    Raises `Refusal` where they contradict each other.
    """

    band: Band = _UNSET
    """Performance that the law is fitted to; fix it before looking at a fit. By default
    from a ninth of the way from chance to maximum to 17/18 of it: 0.2 to 0.95."""
    other_bands: tuple[Band, ...] = (_UNSET,)
    """Bands shown beside it, to show what the choice of the band does; by default one
    further down and one narrower."""
    drift_bands: tuple[Band, ...] = (_UNSET,)
    """Overlapping bands from low to high, to show drift of the law; by default three
    parts of the band."""
    exclude_first: float = 1 / 64
    """Share of each size's training, from its start, that is left out."""
    chance: float = 0.1
    """Performance without learning; a non-finite run is given it from there on."""
    maximum: float = 1.0
    """Largest possible performance."""
    monotone: bool = True
    """Whether each size's mean curve is made non-decreasing before the fit."""
    performance: str = "performance"
    """What the performance column measures, for axes and the card."""
    natural_metric: Literal["fail-to-success"] | None = None
    """The metric that is a power of intrinsic performance, where there is one."""
    parameters_are: str = "parameters of the policy"
    """What N counts, for the card."""
    tuned: str = "not stated"
    """What was tuned for each size and how, for the card."""

    def __post_init__(self) -> None:
        if not 0 <= self.exclude_first < 1:
            raise Refusal(
                f"exclude_first is {self.exclude_first:g}: give the share of training "
                "to leave out, at least 0 and less than 1."
            )
        if not self.chance < self.maximum or not math.isfinite(
            self.maximum - self.chance
        ):
            raise Refusal(
                f"chance is {self.chance:g} and maximum {self.maximum:g}: give finite "
                "values with chance below maximum."
            )
        self._fill()
        named = [("band", self.band)]
        named += [("other_bands", band) for band in self.other_bands]
        named += [("drift_bands", band) for band in self.drift_bands]
        for name, (low, high) in named:
            if not self.chance <= low < high <= self.maximum:
                raise Refusal(
                    f"{name} holds ({low:g}, {high:g}): give low < high between "
                    f"chance ({self.chance:g}) and maximum ({self.maximum:g})."
                )

    def _fill(self) -> None:
        """Let bands that are not given follow from what is."""
        if self.band is _UNSET or math.isnan(self.band[0]):
            width = self.maximum - self.chance
            ends = (self.chance + _LOW * width, self.chance + _HIGH * width)
            object.__setattr__(self, "band", _rounded(ends))
        low, high = self.band
        if self.other_bands == (_UNSET,):
            down, up = low - self.chance, self.maximum - high
            others = ((low - 0.6 * down, high - up), (low + down, high))
            kept = [_rounded(one) for one in others if one[0] < one[1]]
            object.__setattr__(self, "other_bands", tuple(kept))
        if self.drift_bands == (_UNSET,):
            width = high - low
            parts = [(low + a * width, low + b * width) for a, b in _PARTS]
            object.__setattr__(self, "drift_bands", tuple(map(_rounded, parts)))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "IntrinsicSettings":
        """Make settings from the keys of a study file.

        Raises `Refusal` naming a key that does not exist or whose value is unusable.
        """
        return keys.read(cls, values, "The law")


def _rounded(band: Band) -> Band:
    """Take away what binary fractions have added."""
    low, high = (float(f"{end:.{_DIGITS}g}") for end in band)
    return low, high
