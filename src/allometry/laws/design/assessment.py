"""Assess: how well a design would tell its law, by simulating and fitting it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from allometry.laws.design.design import Design
from allometry.laws.fit import fit
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.refusal import Refusal

#: Called after each simulated study.
Progress = Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Told:
    """How well one constant is told: its truth, and the typical interval around it.

    `low` and `high` are medians over the simulated studies of the 90 % interval's ends,
    `covered` the share of intervals that hold the truth, `width` their median width
    (see `spread`) and `widths` each, by study, NaN for one that has none.
    """

    name: str
    truth: float
    low: float
    high: float
    covered: float
    width: float
    widths: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What `studies` simulated studies of a design gave.

    `identified` is the share whose law was identified; `refused` sentences of studies
    that could not be fitted at all, which count as not identified.
    """

    design: Design
    studies: int
    identified: float
    told: tuple[Told, ...]
    refused: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Told:
        """Give how well a constant is told."""
        return next(one for one in self.told if one.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Give the assessment as JSON-able values."""
        return {
            "design": self.design.to_dict(),
            "studies": self.studies,
            "identified": self.identified,
            "constants": {
                one.name: {
                    "truth": one.truth,
                    "low": _finite(one.low),
                    "high": _finite(one.high),
                    "covered": one.covered,
                }
                for one in self.told
            },
        }


def assess(
    design: Design,
    studies: int,
    generator: np.random.Generator,
    progress: Progress | None = None,
) -> Assessment:
    """Simulate `studies` studies of a design and fit each as a real one is fitted.

    The generator is consumed. A fit does not know the truth.
    """
    fits: list[Fit] = []
    refused: list[str] = []
    for child in generator.spawn(studies):
        table = design.simulate(child)
        try:
            fits.append(fit(design.form, table, generator=child))
        except Refusal as refusal:
            refused.append(str(refusal))
        if progress is not None:
            progress()
    truths = design.truths()
    names = [name for name in truths if _estimated(design.form, name)]
    return Assessment(
        design=design,
        studies=studies,
        identified=sum(one.identified for one in fits) / studies,
        told=tuple(_told(design.form, name, truths[name], fits) for name in names),
        refused=tuple(dict.fromkeys(refused)),
    )


def target(form: Form) -> str:
    """Name what a design is judged by: how the best size grows, or an exponent."""
    if "size_exponent" in form.derived or form.name == "intrinsic":
        return "size_exponent"
    searched = [one for one in form.parameters if not one.linear and one.like is None]
    own = [one for one in searched if not one.remote] or list(form.parameters)
    return own[0].name


def _estimated(form: Form, name: str) -> bool:
    return not (form.name == "intrinsic" and name == "kappa")


def spread(low: Any, high: Any, form: Form, name: str) -> Any:
    """Give an interval's width: high − low for exponents, ln(high/low) for amounts."""
    return np.log(high / low) if multiplies(form, name) else high - low


def multiplies(form: Form, name: str) -> bool:
    """Say whether a constant is a positive amount, whose interval multiplies."""
    for one in form.parameters:
        if one.name == name:
            return one.positive and (one.linear or one.remote or one.like is not None)
    return name in form.derived and form.derived[name].positive


def _told(form: Form, name: str, truth: float, fits: list[Fit]) -> Told:
    found = [{**one.parameters, **one.derived}[name] for one in fits]
    low = np.array([one.low for one in found])
    high = np.array([one.high for one in found])
    with np.errstate(all="ignore"):
        widths = np.asarray(spread(low, high, form, name), dtype=np.float64)
    known = np.isfinite(widths)
    if not known.any():
        return Told(name, truth, np.nan, np.nan, 0.0, np.inf)
    low, high = low[known], high[known]
    return Told(
        name=name,
        truth=truth,
        low=float(np.median(low)),
        high=float(np.median(high)),
        covered=float(np.mean((low <= truth) & (truth <= high))),
        width=float(np.median(widths[known])),
        widths=tuple(widths.tolist()),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
