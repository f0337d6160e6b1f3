"""Training: interactions per second of PPO on digits, ours beside rejax's.

Both train on the same environment (`Digits`, wrapped for rejax) with networks of the
same parameters (two hidden layers, policy and value apart), the same batches, and one
epoch of four minibatches; ours runs the proximal policy on top, rejax clips its value
loss. The two take turns, so that both see the same machine. Accuracy is that of the
exploring policy on the training digits after all turns, and shows that both learn.

    python benchmarks/training.py --peer-python PEER/bin/python

rejax lives in an environment of its own, since it may want other versions of JAX:

    python -m venv PEER && PEER/bin/pip install rejax jaxtyping scikit-learn
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

SOURCE = Path(__file__).resolve().parents[1] / "src"
WIDTHS = (16, 64, 160)
COPIES, LENGTH, MINIBATCHES = 16, 128, 4
LEARNING_RATE, DISCOUNT, TRACE, CLIP, ENTROPY = 3e-3, 0.6, 1.0, 0.2, 0.01


class Trainer(Protocol):
    """A training run that goes on for a turn at a time."""

    def turn(self) -> None:
        """Train for the iterations of a turn, to the end of the computation."""

    def accuracy(self) -> float:
        """Give the expected reward per step on the training digits."""


class Ours:
    """`allometry.agents.training.advance`."""

    def __init__(self, width: int, iterations: int):
        from allometry.agents import training
        from allometry.agents.ppo import PPO
        from allometry.agents.samplers import Uniform
        from allometry.agents.schedule import Schedule
        from allometry.environments.digits import load

        agent = PPO(width=width, minibatches=MINIBATCHES, learning_rate=LEARNING_RATE)
        parts = Uniform(), Schedule(COPIES, LENGTH)
        self._agent, self._digits, self._done = agent, load(), 0
        self._iterations = iterations
        self._member = jax.jit(
            lambda digits, key: training.begin(agent, digits, *parts, key)
        )(self._digits, jax.random.key(0))
        self._advance = jax.jit(
            lambda digits, *rest: training.advance(agent, digits, *parts, *rest)[0]
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        counts = jnp.int32(self._done), jnp.int32(self._iterations)
        advanced = self._advance(self._digits, self._member, *counts)
        self._member = jax.block_until_ready(advanced)
        self._done += self._iterations

    def accuracy(self) -> float:
        """Measure the policy as it is."""

        def policy(images: jax.Array) -> jax.Array:
            learner = self._member.learner
            return jax.vmap(lambda x: self._agent.probabilities(learner, x))(images)

        return float(self._digits.performance(policy)["train"])


class Parameters(NamedTuple):
    """What rejax hands back to the environment at every step."""

    digits: Any
    max_steps_in_episode: int


class Wrapped:
    """`Digits` as rejax knows environments (gymnax's interface, five values a step)."""

    default_params = None

    def reset(self, key: Any, parameters: Parameters) -> tuple[Any, Any]:
        """Show a first digit."""
        digits = parameters.digits
        state, shown = digits.reset(key, digits.task("train"))
        return shown.observation[0], state

    def step(self, key: Any, state: Any, action: Any, parameters: Parameters) -> tuple:
        """Reward the label and show a new digit; no episode ends."""
        state, shown = parameters.digits.step(key, state, action[None])
        return shown.observation[0], state, shown.reward[0], shown.terminated, {}

    def action_space(self, parameters: Parameters) -> Any:
        """Give the labels."""
        from gymnax.environments.spaces import Discrete

        return Discrete(parameters.digits.spec.action.num_values)

    def observation_space(self, parameters: Parameters) -> Any:
        """Give the shape of an image."""
        from gymnax.environments.spaces import Box

        return Box(0.0, 1.0, parameters.digits.spec.observation.shape)


class Rejax:
    """`rejax.PPO.train`, its evaluation switched off."""

    def __init__(self, width: int, iterations: int):
        from rejax import PPO

        from allometry.environments.digits import load

        self._digits = load()
        interactions = iterations * COPIES * LENGTH
        algorithm = PPO.create(
            env=Wrapped(),
            env_params=Parameters(self._digits, LENGTH),
            agent_kwargs={"hidden_layer_sizes": (width, width), "activation": "elu"},
            num_envs=COPIES,
            num_steps=LENGTH,
            num_minibatches=MINIBATCHES,
            num_epochs=1,
            learning_rate=LEARNING_RATE * (128 / width) ** 0.5,
            gamma=DISCOUNT,
            gae_lambda=TRACE,
            clip_eps=CLIP,
            ent_coef=ENTROPY,
            total_timesteps=interactions,
            eval_freq=interactions,
            skip_initial_evaluation=True,
        ).replace(eval_callback=lambda *_: ())
        self._algorithm = algorithm
        self._state = algorithm.init_state(jax.random.key(0))
        self._train = jax.jit(
            lambda algorithm, state: algorithm.train(train_state=state)[0]
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        self._state = jax.block_until_ready(self._train(self._algorithm, self._state))

    def accuracy(self) -> float:
        """Measure the policy as it is."""

        def policy(images: jax.Array) -> jax.Array:
            parameters = self._state.actor_ts.params
            actor = self._algorithm.actor
            return actor.apply(parameters, images, method="_action_dist").probs

        return float(self._digits.performance(policy)["train"])


class Remote:
    """A trainer in the peer's Python, which takes its turns when told to."""

    def __init__(self, python: str, width: int, iterations: int):
        command = [python, __file__, "--peer", str(width), str(iterations)]
        pipe = subprocess.PIPE
        path = os.environ | {"PYTHONPATH": str(SOURCE)}
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=path
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        self._ask("turn")

    def accuracy(self) -> float:
        """Measure the policy as it is."""
        return self._ask("accuracy")

    def close(self) -> None:
        """End the peer."""
        self._process.communicate()

    def _ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit("The peer stopped; its own message is above.")
        return json.loads(answer)


def serve(trainer: Trainer) -> None:
    """Take turns as standard input says, and answer each with a line of JSON."""
    for line in sys.stdin:
        print(json.dumps(getattr(trainer, line.strip())()), flush=True)


def seconds(trainer: Trainer) -> float:
    start = time.perf_counter()
    trainer.turn()
    return time.perf_counter() - start


def compare(width: int, options: argparse.Namespace) -> None:
    trainers: dict[str, Trainer] = {"allometry": Ours(width, options.iterations)}
    if options.peer_python:
        python = options.peer_python
        trainers["rejax"] = Remote(python, width, options.iterations)
    for trainer in trainers.values():
        trainer.turn()  # compiles
    taken: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(options.turns):
        for name, trainer in trainers.items():
            taken[name].append(seconds(trainer))
    interactions = options.iterations * COPIES * LENGTH
    for name, trainer in trainers.items():
        speeds = sorted(interactions / x for x in taken[name])
        print(
            f"width {width:3d}  {name:9s} {statistics.median(speeds):9,.0f} "
            f"interactions/s ({speeds[0]:,.0f} to {speeds[-1]:,.0f}), "
            f"accuracy {trainer.accuracy():.3f}"
        )
    if "rejax" in taken:
        ratios = [
            theirs / ours
            for theirs, ours in zip(taken["rejax"], taken["allometry"], strict=True)
        ]
        print(f"width {width:3d}  ours is {statistics.median(ratios):.2f} × as fast")
    for trainer in trainers.values():
        if isinstance(trainer, Remote):
            trainer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python of an environment with rejax")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=64, help="per turn")
    parser.add_argument("--peer", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        serve(Rejax(*options.peer))
        return
    if not options.peer_python:
        print(
            "rejax is left out. To run it in turns with ours, make it an environment, "
            "`python -m venv PEER && PEER/bin/pip install rejax jaxtyping "
            "scikit-learn`, and add `--peer-python PEER/bin/python`."
        )
    for width in WIDTHS:
        compare(width, options)


if __name__ == "__main__":
    main()
