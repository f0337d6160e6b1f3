"""Population: 8 members in one program beside 8 runs in sequence, as a ratio.

The same agent, environment and batches; the population exploits on the way, the runs
do not. The two take turns, so that both see the same machine.

    python benchmarks/population.py
"""

import argparse
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp

from allometry.agents import population, training
from allometry.agents.population import Population
from allometry.agents.ppo import PPO
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.environments.digits import load

SIZE, WIDTHS = 8, (16, 64)
PARTS = Uniform(), Schedule(copies=16, length=128)


class Together:
    """A population in one program."""

    def __init__(self, agent: PPO, digits: Any, options: argparse.Namespace):
        self._digits, self._done, self._iterations = digits, 0, options.iterations
        peers_of = Population(agent, size=SIZE, ready=8)
        total = options.iterations * (options.turns + 1)
        self._state = jax.jit(
            lambda digits, key: population.begin(peers_of, digits, *PARTS, key, total)
        )(digits, jax.random.key(0))
        self._advance = jax.jit(
            lambda digits, *rest: population.advance(peers_of, digits, *PARTS, *rest)[0]
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        counts = jnp.int32(self._done), jnp.int32(self._iterations)
        advanced = self._advance(self._digits, self._state, *counts)
        self._state = jax.block_until_ready(advanced)
        self._done += self._iterations


class Sequence:
    """As many runs, one after another, of a program that is compiled once."""

    def __init__(self, agent: PPO, digits: Any, options: argparse.Namespace):
        self._digits, self._done, self._iterations = digits, 0, options.iterations
        begin = jax.jit(lambda digits, key: training.begin(agent, digits, *PARTS, key))
        keys = jax.random.split(jax.random.key(0), SIZE)
        self._states = [begin(digits, key) for key in keys]
        self._advance = jax.jit(
            lambda digits, *rest: training.advance(agent, digits, *PARTS, *rest)[0]
        )

    def turn(self) -> None:
        """Train each on, from where the last turn stopped."""
        counts = jnp.int32(self._done), jnp.int32(self._iterations)
        self._states = [
            jax.block_until_ready(self._advance(self._digits, state, *counts))
            for state in self._states
        ]
        self._done += self._iterations


def seconds(trainer: Together | Sequence) -> float:
    start = time.perf_counter()
    trainer.turn()
    return time.perf_counter() - start


def compare(width: int, options: argparse.Namespace) -> None:
    agent, digits = PPO(width=width), load()
    together = Together(agent, digits, options)
    sequence = Sequence(agent, digits, options)
    together.turn()  # compiles
    sequence.turn()
    pairs = [(seconds(together), seconds(sequence)) for _ in range(options.turns)]
    ratios = sorted(apart / joint for joint, apart in pairs)
    interactions = SIZE * options.iterations * 16 * 128
    speed = statistics.median(interactions / joint for joint, _ in pairs)
    print(
        f"width {width:3d}  {speed:9,.0f} interactions/s together, "
        f"{statistics.median(ratios):.2f} × as fast as in sequence "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=16, help="per turn")
    options = parser.parse_args()
    for width in WIDTHS:
        compare(width, options)


if __name__ == "__main__":
    main()
