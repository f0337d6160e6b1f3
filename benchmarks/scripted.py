"""Scripted: on how many sampled tasks of each preset scripts reach the goal.

Players have full knowledge, and play one episode of each task. A task is reached if a
player's goal holds at a step of the first trial; "by players" counts each one's goal.
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np

from allometry.environments.xland import PRESETS, XLand, preset
from allometry.environments.xland.scripted.reference import references, write
from allometry.environments.xland.scripted.scripted import play
from allometry.environments.xland.tasks.task import POOL

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


def store(options: argparse.Namespace) -> None:
    """Write the references of held-out tasks: the best of three tries each."""
    found = []
    for name in options.presets:
        pairs = np.random.default_rng(options.seed).integers(
            POOL, size=(options.tasks, 2)
        )
        numbers = [(2 * int(world) + 1, 2 * int(game) + 1) for world, game in pairs]
        found += references(XLand(preset(name)), numbers)
        print(f"{name:8s} {options.tasks} references", flush=True)
    write(options.write, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--write", type=Path, help="store references of held-out tasks here instead"
    )
    options = parser.parse_args()
    if options.write:
        store(options)
        return
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
