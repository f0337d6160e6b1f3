"""Registry: environments by key, so that a file can name one without naming code."""

import inspect
from collections.abc import Callable
from typing import Any

from allometry.environments import digits
from allometry.environments.environment import Environment
from allometry.environments.probes import PROBES, Probe
from allometry.refusal import Refusal


def _giving(probe: Probe) -> Callable[[], Environment]:
    return lambda: probe


#: Constructors by key. Their keyword arguments are the environment's options.
ENVIRONMENTS: dict[str, Callable[..., Environment]] = {
    "digits": digits.load,
    **{name: _giving(probe) for name, probe in PROBES.items()},
}


def make(name: str, **options: Any) -> Environment:
    """Make the environment called `name`.

    Raises `Refusal` for an unknown name or option, listing those that exist.
    """
    if name not in ENVIRONMENTS:
        known = ", ".join(sorted(ENVIRONMENTS))
        raise Refusal(f'There is no environment "{name}". Choose one of: {known}.')
    constructor = ENVIRONMENTS[name]
    known_options = list(inspect.signature(constructor).parameters)
    for option in options:
        if option not in known_options:
            listed = ", ".join(known_options) or "none"
            raise Refusal(
                f'The environment "{name}" has no option "{option}". '
                f"Its options: {listed}."
            )
    return constructor(**options)
