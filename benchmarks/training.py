"""Training: PPO's interactions per second, ours and rejax's and Stable-Baselines3's.

All train with networks of the same parameters (two hidden layers, policy and value
apart), the same batches, and one epoch of four minibatches; the proximal policy is the
one that acted (`--average`: ours has the average of PPO-EWMA instead), and rejax clips
its value loss. They take turns, so that all see the same machine. On `digits`
(`Digits`, wrapped for rejax) the score is the accuracy of the exploring policy on the
training digits; on `cartpole` (gymnax's CartPole-v1, for Stable-Baselines3
Gymnasium's) the mean return of exploring episodes. It is that after all turns, and
shows that all learn.

    python benchmarks/training.py --rejax RX/bin/python
    python benchmarks/training.py cartpole --rejax RX/bin/python --sb3 SB/bin/python

Peers live in environments of their own, since they may want other versions of JAX:

    python -m venv RX && RX/bin/pip install rejax jaxtyping scikit-learn
    python -m venv SB && SB/bin/pip install stable-baselines3
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

try:
    import jax
    import jax.numpy as jnp
except ModuleNotFoundError:  # Stable-Baselines3 does without
    pass

SOURCE = Path(__file__).resolve().parents[1] / "src"
COPIES, LENGTH, MINIBATCHES = 16, 128, 4
CLIP, ENTROPY = 0.2, 0.01
#: Episodes of CartPole-v1 by which it is scored, and their longest.
EPISODES, LONGEST = 128, 500


class Case(NamedTuple):
    """An environment, how it is trained on, and the widths that are compared."""

    learning_rate: float
    discount: float
    trace: float
    widths: tuple[int, ...]


CASES = {
    "digits": Case(3e-3, 0.6, 1.0, (16, 64, 160)),
    "cartpole": Case(1e-3, 0.99, 0.95, (16, 64)),
}


class Trainer(Protocol):
    """A training run that goes on for a turn at a time."""

    def turn(self) -> None:
        """Train for the iterations of a turn, to the end of the computation."""

    def score(self) -> float:
        """Say how well the policy does as it is."""


class Ours:
    """`allometry.agents.training.advance`."""

    def __init__(self, name: str, width: int, iterations: int, *, average: bool):
        from allometry.agents import training
        from allometry.agents.ppo import PPO
        from allometry.agents.samplers import Prefetched, Sampler, Uniform
        from allometry.agents.schedule import Schedule
        from allometry.environments import registry

        case = CASES[name]
        self._agent = agent = PPO(
            width=width,
            depth=1,
            proximal="average" if average else "behaviour",
            minibatches=MINIBATCHES,
            learning_rate=case.learning_rate,
            discount=case.discount,
            trace=case.trace,
        )
        options = {} if name == "digits" else {"id": "CartPole-v1"}
        self._environment = registry.make(
            "digits" if name == "digits" else "gymnax", **options
        )
        sampler: Sampler = Uniform() if name == "digits" else Prefetched(64, 4)
        parts = sampler, Schedule(COPIES, LENGTH)
        self._done, self._iterations = 0, iterations
        self._member = jax.jit(
            lambda environment, key: training.begin(agent, environment, *parts, key)
        )(self._environment, jax.random.key(0))
        self._advance = jax.jit(
            lambda environment, *rest: training.advance(
                agent, environment, *parts, *rest
            )[0]
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        counts = jnp.int32(self._done), jnp.int32(self._iterations)
        advanced = self._advance(self._environment, self._member, *counts)
        self._member = jax.block_until_ready(advanced)
        self._done += self._iterations

    def score(self) -> float:
        """Score the policy as it is."""
        agent, learner = self._agent, self._member.learner
        environment: Any = self._environment

        def policy(images: jax.Array) -> jax.Array:
            return jax.vmap(lambda x: agent.probabilities(learner, x))(images)

        def lasted(key: Any) -> jax.Array:
            task_key, reset_key, key = jax.random.split(key, 3)
            task = environment.sample_task(task_key)
            state, shown = environment.reset(reset_key, task)

            def step(carry: tuple, key: Any) -> tuple:
                state, shown, alive = carry
                act_key, step_key = jax.random.split(key)
                action, _, _ = agent.act(learner, shown, ((), ()), act_key)
                state, shown = environment.step(step_key, state, action)
                reward = alive * shown.reward[0]
                alive = alive & ~(shown.terminated | shown.truncated)
                return (state, shown, alive), reward

            begun = state, shown, jnp.array(True)
            return jax.lax.scan(step, begun, jax.random.split(key, LONGEST))[1].sum()

        if hasattr(environment, "performance"):
            return float(environment.performance(policy)["train"])
        keys = jax.random.split(jax.random.key(1), EPISODES)
        return float(jax.jit(jax.vmap(lasted))(keys).mean())


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


class CartPole:
    """gymnax's CartPole-v1 (version 1.0), an end as rejax 0.1 knows it: of one kind."""

    def __init__(self) -> None:
        """Make it."""
        import gymnax

        self._inner, self.default_params = gymnax.make("CartPole-v1")
        self.reset = self._inner.reset
        self.action_space = self._inner.action_space
        self.observation_space = self._inner.observation_space

    def step(self, key: Any, state: Any, action: Any, parameters: Any) -> tuple:
        """Step, and begin anew where an episode ends."""
        stepped = self._inner.step(key, state, action, parameters)
        shown, state, reward, terminated, truncated, told = stepped
        return shown, state, reward, terminated | truncated, told


class Rejax:
    """`rejax.PPO.train`, its evaluation switched off."""

    def __init__(self, name: str, width: int, iterations: int):
        from rejax import PPO

        case, interactions = CASES[name], iterations * COPIES * LENGTH
        environment: dict[str, Any] = {}
        if name == "digits":
            from allometry.environments.digits import load

            self._digits = load()
            parameters = Parameters(self._digits, LENGTH)
            environment = {"env": Wrapped(), "env_params": parameters}
        else:
            cart = CartPole()
            environment = {"env": cart, "env_params": cart.default_params}
        algorithm = PPO.create(
            **environment,
            agent_kwargs={"hidden_layer_sizes": (width, width), "activation": "elu"},
            num_envs=COPIES,
            num_steps=LENGTH,
            num_minibatches=MINIBATCHES,
            num_epochs=1,
            learning_rate=case.learning_rate * (128 / width) ** 0.5,
            gamma=case.discount,
            gae_lambda=case.trace,
            clip_eps=CLIP,
            ent_coef=ENTROPY,
            total_timesteps=interactions,
            eval_freq=interactions,
            skip_initial_evaluation=True,
        )
        self._evaluate = algorithm.eval_callback
        self._algorithm = algorithm.replace(eval_callback=lambda *_: ())
        self._state = algorithm.init_state(jax.random.key(0))
        self._name = name
        self._train = jax.jit(
            lambda algorithm, state: algorithm.train(train_state=state)[0]
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        self._state = jax.block_until_ready(self._train(self._algorithm, self._state))

    def score(self) -> float:
        """Score the policy as it is."""

        def policy(images: jax.Array) -> jax.Array:
            parameters = self._state.actor_ts.params
            actor = self._algorithm.actor
            return actor.apply(parameters, images, method="_action_dist").probs

        if self._name == "digits":
            return float(self._digits.performance(policy)["train"])
        _, returns = self._evaluate(self._algorithm, self._state, jax.random.key(1))
        return float(returns.mean())


class StableBaselines:
    """`stable_baselines3.PPO.learn`, environments in one process (the fastest here)."""

    def __init__(self, name: str, width: int, iterations: int):
        from stable_baselines3 import PPO
        from stable_baselines3.common.env_util import make_vec_env
        from torch import nn

        assert name == "cartpole", "Stable-Baselines3 is compared on cartpole alone"
        case = CASES[name]
        self._interactions = iterations * COPIES * LENGTH
        self._algorithm = PPO(
            "MlpPolicy",
            make_vec_env("CartPole-v1", n_envs=COPIES, seed=0),
            policy_kwargs={
                "net_arch": {"pi": [width, width], "vf": [width, width]},
                "activation_fn": nn.ELU,
            },
            n_steps=LENGTH,
            batch_size=COPIES * LENGTH // MINIBATCHES,
            n_epochs=1,
            learning_rate=case.learning_rate * (128 / width) ** 0.5,
            gamma=case.discount,
            gae_lambda=case.trace,
            clip_range=CLIP,
            ent_coef=ENTROPY,
            device="cpu",
            seed=0,
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        self._algorithm.learn(self._interactions, reset_num_timesteps=False)

    def score(self) -> float:
        """Score the policy as it is."""
        from stable_baselines3.common.evaluation import evaluate_policy

        environments = self._algorithm.get_env()
        found = evaluate_policy(
            self._algorithm,
            environments,
            n_eval_episodes=EPISODES,
            deterministic=False,
        )
        return float(found[0])


PEERS: dict[str, Callable[[str, int, int], Trainer]] = {
    "rejax": Rejax,
    "sb3": StableBaselines,
}


class Remote:
    """A trainer in the peer's Python, which takes its turns when told to."""

    def __init__(self, python: str, peer: str, name: str, width: int, iterations: int):
        command = [python, __file__, name, "--peer", peer, str(width), str(iterations)]
        pipe = subprocess.PIPE
        path = os.environ | {"PYTHONPATH": str(SOURCE)}
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=path
        )

    def turn(self) -> None:
        """Train on, from where the last turn stopped."""
        self._ask("turn")

    def score(self) -> float:
        """Score the policy as it is."""
        return self._ask("score")

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
    name, iterations = options.environment, options.iterations
    ours = Ours(name, width, iterations, average=options.average)
    trainers: dict[str, Trainer] = {"allometry": ours}
    for peer in PEERS:
        if python := getattr(options, peer):
            trainers[peer] = Remote(python, peer, name, width, iterations)
    for trainer in trainers.values():
        trainer.turn()  # compiles
    taken: dict[str, list[float]] = {peer: [] for peer in trainers}
    for _ in range(options.turns):
        for peer, trainer in trainers.items():
            taken[peer].append(seconds(trainer))
    interactions = iterations * COPIES * LENGTH
    for peer, trainer in trainers.items():
        speeds = sorted(interactions / x for x in taken[peer])
        print(
            f"width {width:3d}  {peer:9s} {statistics.median(speeds):9,.0f} "
            f"interactions/s ({speeds[0]:,.0f} to {speeds[-1]:,.0f}), "
            f"score {trainer.score():.3f}",
            flush=True,
        )
    for peer in list(taken)[1:]:
        pairs = zip(taken[peer], taken["allometry"], strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        print(f"width {width:3d}  ours is {ratio:.2f} × as fast as {peer}", flush=True)
    for trainer in trainers.values():
        if isinstance(trainer, Remote):
            trainer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environment", nargs="?", choices=CASES, default="digits")
    parser.add_argument("--rejax", help="Python of an environment with rejax")
    parser.add_argument("--sb3", help="Python of one with stable-baselines3")
    parser.add_argument("--average", action="store_true", help="ours with PPO-EWMA")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=64, help="per turn")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer, width, iterations = options.peer
        serve(PEERS[peer](options.environment, int(width), int(iterations)))
        return
    if not options.rejax and not options.sb3:
        print(
            "Ours alone. To let others take turns with it, make them environments (see "
            "the head of this file), and add --rejax and --sb3."
        )
    for width in CASES[options.environment].widths:
        compare(width, options)


if __name__ == "__main__":
    main()
