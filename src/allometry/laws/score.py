"""Score: how far forms are off beyond cuts, and what that says of them.

A form is wrong when its errors beyond a cut lean one way by more than the luck of runs
allows; its bands are too narrow when they hold less than they say.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

#: Rivals by name: the last value; power laws; one with a floor for each setting.
LAST, BASELINES = "last value", ("power", "power-floor")
EACH = "power-floor per setting"
#: All that is naive: it knows of no input but the axis.
NAIVE = (LAST, *BASELINES, EACH)
#: A form is wrong when its mean error exceeds this times what luck allows.
LEANING = 2.0
#: 90 % bands that hold less than this are called too narrow.
HELD = 0.8
#: Errors whose logarithms differ by less than this are alike.
_ALIKE = 0.02
#: Errors below this (of values: this share of the largest error) are rounding.
_ROUNDING = 1e-6


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
