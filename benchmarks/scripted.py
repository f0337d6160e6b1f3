"""Scripted: on how many sampled tasks of each preset scripts reach the goal.

Players have full knowledge, and play one episode of each task. A task is reached if a
player's goal holds at a step of the first trial; "by players" counts each one's goal.
"""

import argparse
import time

import jax
import numpy as np

from allometry.environments.xland import PRESETS, XLand, preset
from allometry.environments.xland.scripted.scripted import play

_BATCH = 100


def score(name: str, count: int, seed: int) -> tuple[float, float, float]:
    """Give the shares of tasks and of players that reach it, and reward per step."""
    environment = XLand(preset(name))
    sample = jax.jit(jax.vmap(environment.sample_task))
    keys = jax.random.split(jax.random.key(seed), count)
    found = []
    for first in range(0, count, _BATCH):
        found.append(play(environment, sample(keys[first : first + _BATCH])).rewards)
    rewards = np.concatenate(found)
    reached = rewards[:, : environment.dials.duration].any(1)
    return float(reached.any(1).mean()), float(reached.mean()), float(rewards.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.presets:
        began = time.perf_counter()
        some, each, reward = score(name, options.tasks, options.seed)
        print(
            f"{name:8s} {options.tasks} tasks: reached {some:.1%}, by players "
            f"{each:.1%}, reward per step {reward:.2f} "
            f"({time.perf_counter() - began:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
