"""Registry: environments by key, so that a file can name one without naming code."""

import inspect
from collections.abc import Callable
from typing import Any

from allometry.environments import digits
from allometry.environments.environment import Environment
from allometry.environments.probes import PROBES, Probe
from allometry.environments.recall import Recall
from allometry.refusal import Refusal


def _giving(probe: Probe) -> Callable[[], Environment]:
    return lambda: probe


def _xland(
    preset: str = "default",
    observation: str = "entities",
    held_out: bool = False,
    split: str | None = None,
    worlds: int | None = None,
    games: int | None = None,
    **dials: Any,
) -> Environment:
    """Make XLand with a preset's dials, some of them turned; imported only now.

    `split` is one outside of training, such as "unseen_colour"; `worlds` and `games`
    bound the pool of tasks.
    """
    from allometry.environments import xland

    # A file has lists where dials have tuples.
    hashable = {
        dial: tuple(value) if isinstance(value, list) else value
        for dial, value in dials.items()
    }
    turned = xland.preset(preset, **hashable)
    environment = xland.XLand(
        turned,
        observation=observation,
        held_out=held_out,
        worlds=xland.POOL if worlds is None else worlds,
        games=xland.POOL if games is None else games,
    )
    return environment if split is None else environment.shifted(split)


def _gymnax(id: str = "CartPole-v1", **parameters: Any) -> Environment:
    """Make an environment of gymnax, which is imported only now."""
    from allometry.environments import from_gymnax

    return from_gymnax.load(id, **parameters)


def _xminigrid(
    id: str = "XLand-MiniGrid-R1-9x9",
    ruleset: Any = None,
    benchmark: Any = None,
    **parameters: Any,
) -> Environment:
    """Make an environment of XLand-MiniGrid, which is imported only now."""
    from allometry.environments import from_xminigrid

    return from_xminigrid.load(id, ruleset, benchmark, **parameters)


#: Constructors of what needs a library of the same name, which may not be there.
FOREIGN: dict[str, Callable[..., Environment]] = {
    "gymnax": _gymnax,
    "xminigrid": _xminigrid,
}

#: Constructors by key. Their keyword arguments are the environment's options; one that
#: takes any refuses those that it does not know.
ENVIRONMENTS: dict[str, Callable[..., Environment]] = {
    "digits": digits.load,
    "recall": Recall,
    "xland": _xland,
    **FOREIGN,
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
    known_options = inspect.signature(constructor).parameters
    takes_any = any(
        option.kind is option.VAR_KEYWORD for option in known_options.values()
    )
    for option in options:
        if option not in known_options and not takes_any:
            listed = ", ".join(known_options) or "none"
            raise Refusal(
                f'The environment "{name}" has no option "{option}". '
                f"Its options: {listed}."
            )
    return constructor(**options)
