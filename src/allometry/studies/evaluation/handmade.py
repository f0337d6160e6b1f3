"""Handmade: the probes of XLand as test sets, where an agent's dials have room.

A probe has dials of its own. It is played in training's environment, with each dial
raised as far as the probe needs it and no further; a trial lasts as long as the probe
says. Probes with equal dials are one set. Where more objects, atoms or rules than in
training are needed, tables of the observation have more rows: whether an agent can read
them is for `fitting` to say.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from allometry.environments.xland import Complexity, XLand
from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.probes import probe as page
from allometry.environments.xland.probes.probe import Probe
from allometry.environments.xland.scripted.replay import replay
from allometry.environments.xland.tasks.task import Task
from allometry.refusal import Refusal
from allometry.studies.evaluation.sets import scriptable

#: The split of probes.
PROBES = "probes"
#: Dials of which a probe needs at least as much as it has.
_NEEDED = ("arena", "levels", "objects", "shapes", "colours", "atoms", "rules")


@dataclasses.dataclass(frozen=True)
class ProbeSet:
    """Probes by name, all played in one environment."""

    environment: XLand
    names: tuple[str, ...]
    split: str = PROBES

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Load the probes."""
        return tuple(page.load(name) for name in self.names)

    @property
    def tasks(self) -> Task:
        """Give the tasks, stacked `[n, ...]`."""
        found = [probe.within(self.environment.dials) for probe in self.probes]
        return jax.tree.map(lambda *fields: jnp.stack(fields), *found)

    def scripted(self, tries: int) -> Float[np.ndarray, " n"]:
        """Give the best reward per step of a trial of each probe's own solution."""
        environment = scriptable(self.environment)
        return np.array(
            [
                max(_solved(environment, probe, seed) for seed in range(tries))
                for probe in self.probes
            ]
        )


def probe_sets(training: XLand) -> tuple[tuple[ProbeSet, ...], tuple[str, ...]]:
    """Give sets of all probes for as many players as `training` has.

    The second says, a sentence each, why probes cannot be played at all.
    """
    found: dict[Complexity, list[str]] = {}
    sentences = []
    players = training.dials.players
    if not page.names(players):
        sentences.append(f"There are no probes for {players} players.")
    for name in page.names(players):
        try:
            dials = _with_room(training.dials, page.load(name))
        except Refusal as error:
            sentences.append(f"The probe {name} is not applicable. {error}")
        else:
            found.setdefault(dials, []).append(name)
    environment = dataclasses.replace(training, held_out=True)
    sets = [
        ProbeSet(dataclasses.replace(environment, dials=dials), tuple(names))
        for dials, names in found.items()
    ]
    return tuple(sets), tuple(sentences)


def _with_room(dials: Complexity, probe: Probe) -> Complexity:
    """Raise dials as far as a probe needs; raises `Refusal` where they clash.

    `chain` and `distractors` say how tasks are drawn, and none is: they are as low as
    may be, so as not to clash.
    """
    needs = probe.dials
    most = {name: max(getattr(dials, name), getattr(needs, name)) for name in _NEEDED}
    absent = [
        name
        for name in PREDICATES
        if name in needs.predicates and name not in dials.predicates
    ]
    return dataclasses.replace(
        dials,
        predicates=(*dials.predicates, *absent),
        chain=0,
        distractors=needs.distractors,
        duration=needs.duration,
        **most,
    )


def _solved(environment: XLand, probe: Probe, seed: int) -> float:
    task = probe.within(environment.dials)
    state, _ = jax.jit(environment.reset)(jax.random.key(seed), task)
    solution = replay(environment, state, probe.solution, seed, places=probe.places)
    return float(solution.rewards.mean(dtype=float))
