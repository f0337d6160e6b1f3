"""The forms by name: those shipped, those with a number or columns to choose, yours.

`forms` is the one register: `forms["two-term"]`, `forms.add(my_form)`, `list(forms)`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from allometry.laws.form.broken_power import broken_power
from allometry.laws.form.complexity import complexity
from allometry.laws.form.form import Form
from allometry.laws.form.horizon import HORIZON
from allometry.laws.form.intrinsic import INTRINSIC
from allometry.laws.form.power import POWER, POWER_FLOOR
from allometry.laws.form.rating import RATING
from allometry.laws.form.sigmoid import SIGMOID
from allometry.laws.form.threshold import THRESHOLD
from allometry.laws.form.two_term import TWO_TERM
from allometry.refusal import Refusal

Columns = Mapping[str, str | Sequence[str]]


class Forms(Mapping[str, Form]):
    """All forms by name; iterates over their names."""

    def __init__(self, *shipped: Form) -> None:
        self._forms = {form.name: form for form in shipped}

    def __getitem__(self, name: str) -> Form:
        return self._forms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._forms)

    def __len__(self) -> int:
        return len(self._forms)

    def __repr__(self) -> str:
        return "\n".join(f"{form.name}: {form.formula}" for form in self.values())

    def add(self, form: Form) -> Form:
        """Register a form of your own, or replace one of yours; return it.

        Raises `Refusal` for the name of a shipped form.
        """
        if form.name in _SHIPPED:
            raise Refusal(f"{form.name!r} is a shipped form: choose another name.")
        self._forms[form.name] = form
        return form

    def find(self, law: str | Form, columns: Columns | None = None) -> Form:
        """Find a form by name, or take the one given.

        Some names have a family behind them: see `FAMILIES`. Raises `Refusal` for an
        unknown name.
        """
        if isinstance(law, Form):
            return law
        if law in self._forms and law not in _SHIPPED:
            return self._forms[law]
        for family, build in FAMILIES.items():
            if law == family or law.startswith(f"{family}-"):
                return build(law.removeprefix(family).removeprefix("-"), columns or {})
        if law in self._forms:
            return self._forms[law]
        raise Refusal(
            f"There is no law {law!r}; choose from: {', '.join(self._forms)}."
        )


#: What stands for the columns of a form of several in the list of forms.
_SEVERAL = ("complexity", "other")


def _bent(rest: str, columns: Columns) -> Form:
    """Make the broken power law that `broken-power-2` names."""
    if rest and not rest.isdecimal():
        raise Refusal(
            f"There is no law 'broken-power-{rest}': say the number of bends, such as "
            "broken-power-2."
        )
    return broken_power(int(rest or 1))


def _complex(rest: str, columns: Columns) -> Form:
    """Make the complexity law of the columns given for `complexity`."""
    if rest not in ("", "interaction"):
        raise Refusal(
            f"There is no law 'complexity-{rest}'; choose complexity or "
            "complexity-interaction."
        )
    named = columns.get("complexity", _SEVERAL if rest else ("complexity",))
    names = named.split(",") if isinstance(named, str) else named
    return complexity([name.strip() for name in names], rest == "interaction")


#: Name → what builds a form from the rest of the name asked for, and the columns.
FAMILIES: dict[str, Callable[[str, Columns], Form]] = {
    "broken-power": _bent,
    "complexity": _complex,
}

forms = Forms(
    INTRINSIC,
    TWO_TERM,
    POWER,
    POWER_FLOOR,
    SIGMOID,
    broken_power(),
    THRESHOLD,
    HORIZON,
    complexity(),
    complexity(_SEVERAL, interaction=True),
    RATING,
)
_SHIPPED = frozenset(forms)
