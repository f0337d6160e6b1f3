"""Adapting: PPO's and V-MPO's interactions per second on XLand, by size and by part.

Agents with a GRU on the environment and the batches of the shipped study `adaptation`
(XLand's entities, 160 copies of 126 steps). An iteration is timed as training does it;
acting and learning are timed alone on a batch of the same shapes, and the environment
is what is left (`allometry.studies.seconds`). A program takes minutes to compile.

    python benchmarks/adapting.py
    python benchmarks/adapting.py --sizes 1e5 1e7 --copies 4096    # on an accelerator
"""

import argparse
import functools
import time
from typing import Any

import jax
import jax.numpy as jnp

from allometry.agents import training
from allometry.agents.ppo import PPO
from allometry.agents.samplers import Prefetched
from allometry.agents.schedule import Schedule
from allometry.agents.vmpo import VMPO
from allometry.environments.xland import XLand, preset
from allometry.studies import pieces

AGENTS = {"ppo": PPO, "vmpo": VMPO}
ENVIRONMENT = XLand(
    preset(
        "reach",
        objects=5,
        shapes=3,
        colours=3,
        predicates=("hold",),
        rules=1,
        chain=1,
        distractors=2,
        hidden=1.0,
        trials=5,
        duration=25,
        actions="discrete",
        view="full",
    )
)


def sized(name: str, target: float, memory: str) -> Any:
    """Find the agent whose parameters are closest to a number."""

    def agent(width: int) -> Any:
        return AGENTS[name](
            torso="encoder", memory=memory, shared=True, width=width, epochs=2
        )

    @functools.cache
    def parameters(width: int) -> int:
        shapes = jax.eval_shape(
            lambda key: agent(width).init(ENVIRONMENT.spec, key), jax.random.key(0)
        )
        return sum(agent(width).parameters(shapes).values())

    width = 2
    while parameters(width) < target:
        width *= 2
    low, high = width // 2, width
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(middle) < target else (low, middle)
    width = min(low, high, key=lambda one: abs(parameters(one) - target))
    return agent(width), parameters(width)


def best(function: Any, *arguments: Any, rounds: int) -> tuple[Any, float]:
    """Give what a function returns, and its fastest time of several."""
    answer = jax.block_until_ready(function(*arguments))
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        taken.append(time.perf_counter() - start)
    return answer, min(taken)


def measure(name: str, target: float, options: argparse.Namespace) -> None:
    """Print a row of the table."""
    agent, parameters = sized(name, target, options.memory)
    schedule = Schedule(options.copies, options.length)
    parts = agent, ENVIRONMENT, Prefetched(4 * options.copies, options.copies // 4)
    begin = jax.jit(lambda key: training.begin(*parts, schedule, key))
    member = begin(jax.random.key(0))
    advance = jax.jit(lambda *rest: training.advance(*parts, schedule, *rest)[0])
    counts = jnp.int32(0), jnp.int32(options.iterations)
    _, taken = best(advance, member, *counts, rounds=options.rounds)
    iteration = taken / options.iterations
    key = jax.random.key(1)
    seen = jax.jit(functools.partial(pieces.still, schedule))(member)
    act = jax.jit(functools.partial(pieces.acted, agent, episodic=True))
    learn = jax.jit(functools.partial(pieces.learned, agent))
    batch, acting = best(act, member, seen, key, rounds=options.rounds)
    _, learning = best(learn, member, batch, key, rounds=options.rounds)
    costs = agent.flops(ENVIRONMENT.spec, schedule)
    interactions = options.copies * options.length
    achieved = (costs.act + costs.learn) * interactions / iteration
    shares = [1 - (acting + learning) / iteration, acting / iteration]
    shares.append(learning / iteration)
    environment, act_share, learn_share = (f"{max(0.0, x):4.0%}" for x in shares)
    print(
        f"{name:5s} {parameters:9,d} parameters (width {agent.width:4d}) "
        f"{interactions / iteration:10,.0f} interactions/s   environment {environment} "
        f"acting {act_share} learning {learn_share}   {achieved / 1e9:,.1f} GFLOP/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e4, 1e5, 1e6])
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=[*AGENTS])
    parser.add_argument("--memory", default="gru")
    parser.add_argument("--copies", type=int, default=160)
    parser.add_argument("--length", type=int, default=126)
    parser.add_argument("--iterations", type=int, default=2, help="per timing")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for target in options.sizes:
        for name in options.agents:
            measure(name, target, options)


if __name__ == "__main__":
    main()
