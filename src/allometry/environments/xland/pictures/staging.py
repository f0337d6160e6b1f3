"""Staging: episodes of players who know what to do, every state kept, to be filmed."""

import jax
import numpy as np

from allometry.environments.xland.pictures.episode import Episode, begun_with
from allometry.environments.xland.probes.probe import Probe
from allometry.environments.xland.scripted import view
from allometry.environments.xland.scripted.director import Director
from allometry.environments.xland.scripted.replay import replay, stepper
from allometry.environments.xland.xland import State, XLand


def solved(environment: XLand, first: State, probe: Probe, seed: int) -> Episode:
    """Play a probe's solution from its first state."""
    plans, places = probe.solution, probe.places
    found = replay(environment, first, plans, seed, places=places, keep_states=True)
    return begun_with(first, found.states, found.rewards)


def directed(environment: XLand, first: State, seed: int) -> Episode:
    """Play an episode by players with full knowledge; actions must be factored."""
    dials = environment.dials
    world, step = view.world(first.task, dials), stepper(environment)
    states, rewards = [first], [np.zeros(dials.players, np.float32)]
    for number in range(dials.steps):
        now, reward = states[-1], rewards[-1]
        seen = view.view(now.bodies, now.players, now.time, now.trial)
        if seen.time == 0:
            director, reward = Director(world, seen), np.zeros_like(reward)
        actions = np.array(director.act(seen, reward), np.int32)
        key = jax.random.fold_in(jax.random.key(seed), number)
        state, answer = step(key, now, actions)
        states.append(jax.device_get(state))
        rewards.append(np.asarray(answer.reward))
    return Episode(tuple(states), np.array(rewards))
