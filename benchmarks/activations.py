"""Which nonlinearity do the smallest networks learn best with?

Trains policies of width 4 on scikit-learn's digits with the plainest policy gradient
(Adam, advantages normalised over the batch, entropy bonus .01) for 256,000
interactions and prints the mean reward per step over the seeds, with its standard
error, the worst and the best seed. `MLP` in `allometry.networks.torsos` rests on it.

    python benchmarks/activations.py
"""

import argparse
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key

from allometry.environments.digits import Digits, load
from allometry.networks.network import Network
from allometry.networks.scale import scale
from allometry.networks.torsos import residual

Activation = Callable[[Array], Array]

ACTIVATIONS: dict[str, Activation] = {
    "relu": jax.nn.relu,
    "leaky relu .2": lambda x: jax.nn.leaky_relu(x, 0.2),
    "elu": jax.nn.elu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
}
BATCH = 256
UPDATES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    options = parser.parse_args()
    digits = load()
    keys = jax.random.split(jax.random.key(1), options.seeds)
    for name, activation in ACTIVATIONS.items():

        def one(
            digits: Digits, key: Key[Array, ""], activation: Activation = activation
        ) -> Array:
            return train(digits, key, activation, options.width, options.learning_rate)

        rewards = np.asarray(jax.jit(jax.vmap(one, (None, 0)))(digits, keys))
        error = rewards.std() / len(rewards) ** 0.5
        print(
            f"{name:14s} mean {rewards.mean():.3f} ± {error:.3f}  "
            f"worst {rewards.min():.3f}  best {rewards.max():.3f}"
        )


def train(
    digits: Digits,
    key: Key[Array, ""],
    activation: Activation,
    width: int,
    learning_rate: float,
) -> Array:
    """Train one policy and give its exact reward per step on the training digits."""
    init_key, key = jax.random.split(key)
    optimiser = optax.adam(learning_rate)
    build = scale(digits.spec.observation, 10, width=width, head_scale=0.01)
    network = build(init_key)
    task = digits.task("train")

    def logits(network: Network, images: Array) -> Array:
        def of_one(image: Array) -> Array:
            x = activation(network.torso.embedding(image.ravel()))
            return network.head(residual(network.torso.blocks, x, activation))

        return jax.vmap(of_one)(images)

    def update(carry: tuple, key: Key[Array, ""]) -> tuple[tuple, None]:
        network, state = carry
        reset_key, act_key = jax.random.split(key)
        states, shown = jax.vmap(digits.reset, (0, None))(
            jax.random.split(reset_key, BATCH), task
        )
        images = shown.observation[:, 0]
        actions = jax.random.categorical(act_key, logits(network, images))
        reward = (actions == digits.labels[states.digit]).astype(float)
        advantage = (reward - reward.mean()) / (reward.std() + 1e-6)

        def loss(network: Network) -> Array:
            log = jax.nn.log_softmax(logits(network, images))
            chosen = jnp.take_along_axis(log, actions[:, None], axis=1)[:, 0]
            entropy = -(jnp.exp(log) * log).sum(-1)
            return -(advantage * chosen + 0.01 * entropy).mean()

        changes, state = optimiser.update(jax.grad(loss)(network), state)
        return (optax.apply_updates(network, changes), state), None

    start = (network, optimiser.init(network))
    (network, _), _ = jax.lax.scan(update, start, jax.random.split(key, UPDATES))
    scores = digits.performance(lambda images: jax.nn.softmax(logits(network, images)))
    return scores["train"]


if __name__ == "__main__":
    main()
