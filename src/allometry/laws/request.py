"""Request: which law a study asks of its curves, and with what settings.

The section `[law]` of a study file, and what a store keeps of it.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.refusal import Refusal

#: The form of a study that asks for no law.
NO_LAW = "none"


@dataclasses.dataclass(frozen=True)
class Request:
    """A law, its settings, and how the runs are divided among laws."""

    form: str = "intrinsic"
    """Name of the law; `NO_LAW` for none."""
    by: str | tuple[str, ...] | None = None
    """Column of the runs; each of its values has a law of its own. Several columns are
    the dials of a study of `complexities`."""
    levels: tuple[float, ...] = ()
    """Performance levels at which interactions needed are compared along `by`."""
    complexities: tuple[str, ...] = ()
    """Columns with logarithms of how complex the levels of `by` are: what reaching a
    performance level takes is compared with each (`laws.generalisation`)."""
    settings: IntrinsicSettings = dataclasses.field(default_factory=IntrinsicSettings)


def from_mapping(section: Mapping[str, Any]) -> Request:
    """Read the section `[law]`; raise `Refusal` naming a key that cannot be used."""
    values = dict(section)
    form = values.pop("form", "intrinsic")
    by = values.pop("by", None)
    levels = values.pop("levels", ())
    complexities = values.pop("complexities", ())
    if not isinstance(form, str) or form not in (*forms, NO_LAW):
        names = ", ".join((*forms, NO_LAW))
        raise Refusal(f"law.form is {form!r}; choose one of: {names}.")
    axes = _by(by)
    settings = IntrinsicSettings.from_mapping(values)
    kinds = _complexities(complexities, axes, levels)
    if isinstance(axes, tuple) and (form != NO_LAW or not kinds):
        raise Refusal(
            f"law.by names {len(axes)} axes, which only a study of what generalising "
            f'takes may: set law.form to "{NO_LAW}" and law.complexities to the '
            "columns that say how complex tasks are, or name one axis."
        )
    return Request(form, axes, _levels(levels, settings), kinds, settings)


def _by(by: Any) -> str | tuple[str, ...] | None:
    """Check the axis or axes; one in a list is that one."""
    if by is None or isinstance(by, str):
        return by
    names = tuple(by) if isinstance(by, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise Refusal(
            f"law.by is {by!r}; name one axis of the grid, or a list of some."
        )
    if len(set(names)) < len(names):
        raise Refusal(f"law.by is {by!r}, which names an axis twice; keep one.")
    return names if names[1:] else names[0]


def _complexities(
    names: Any, by: str | tuple[str, ...] | None, levels: Any
) -> tuple[str, ...]:
    """Check the names of columns, which need an axis and performance levels."""
    given = tuple(names) if isinstance(names, list | tuple) else (names,)
    if not all(isinstance(name, str) for name in given):
        raise Refusal(f"law.complexities is {names!r}; give a list of columns.")
    if given and (by is None or not levels):
        raise Refusal(
            "law.complexities needs law.by, the axis whose levels it describes, and "
            "law.levels, the performance that is to be reached."
        )
    return given


def _levels(levels: Any, settings: IntrinsicSettings) -> tuple[float, ...]:
    """Check the performance levels: a list of numbers between chance and maximum."""
    given = tuple(levels) if isinstance(levels, list | tuple) else (levels,)
    for level in given:
        number = isinstance(level, int | float) and not isinstance(level, bool)
        if not number or not settings.chance < level < settings.maximum:
            raise Refusal(
                f"law.levels holds {level!r}; give a list of numbers between chance "
                f"({settings.chance:g}) and maximum ({settings.maximum:g})."
            )
    return given
