"""How should a context tell what a set is read for?

Things have a look each and a place; a goal names the look of one, and the network is to
say where it is. Trains encoders that read the things a second time with no context,
with a projection of it added to each thing's first layer, and with that layer
multiplied by it, and prints the share of the variance of places that is left
unexplained. `Regard` in `allometry.networks.things` rests on it.

    python benchmarks/conditioning.py
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from allometry.networks.network import Network
from allometry.networks.scale import scale
from allometry.networks.things import Regard, pooled
from allometry.networks.torsos import residual
from allometry.specs import ArraySpec

THINGS, SHAPES, COLOURS = 6, 4, 4
BATCH = 256
OBSERVATION = {
    "goal": ArraySpec((1, 1 + SHAPES + COLOURS), layout="set"),
    "things": ArraySpec((THINGS, 1 + SHAPES + COLOURS + 2), layout="set"),
}


class Blind(Regard):
    """A second reading without context."""

    def __call__(self, array: Array, context: Array) -> Array:
        """Read without context."""
        return self.things(array)


class Added(Regard):
    """The projection of the context is added."""

    def __call__(self, array: Array, context: Array) -> Array:
        """Add the projection to each row."""
        shift = self.context @ context

        def of_one(row: Array) -> Array:
            x = jax.nn.elu(self.things.row(row) + shift)
            return residual(self.things.blocks, x, jax.nn.elu)

        return pooled(jax.vmap(of_one)(array), array[:, 0] > 0)


KINDS: dict[str, type[Regard]] = {"none": Blind, "sum": Added, "product": Regard}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    options = parser.parse_args()
    for name, kind in KINDS.items():
        left = train(kind, options.width, options.updates, options.learning_rate)
        print(f"{name:8s} unexplained {float(left):.3f}", flush=True)


def train(kind: type[Regard], width: int, updates: int, learning_rate: float) -> Array:
    """Train one network on fresh draws; give what it leaves unexplained at the end."""
    network = scale(OBSERVATION, 2, torso="encoder", width=width)(jax.random.key(0))
    network = eqx.tree_at(
        lambda network: network.torso.again.each,
        network,
        tuple(kind(each.things, each.context) for each in network.torso.again.each),
    )
    optimiser = optax.adam(learning_rate)

    def loss(network: Network, key: Key[Array, ""]) -> Array:
        observation, place = jax.vmap(draw)(jax.random.split(key, BATCH))
        return ((jax.vmap(network)(observation) - place) ** 2).mean()

    def update(carry: tuple, key: Key[Array, ""]) -> tuple[tuple, Array]:
        network, state = carry
        error, slope = jax.value_and_grad(loss)(network, key)
        changes, state = optimiser.update(slope, state)
        return (optax.apply_updates(network, changes), state), error

    start = network, optimiser.init(network)
    keys = jax.random.split(jax.random.key(1), updates)
    _, errors = jax.jit(lambda start: jax.lax.scan(update, start, keys))(start)
    # Places are uniform in −1 … 1: their variance is 1/3.
    return errors[-20:].mean() * 3


def draw(key: Key[Array, ""]) -> tuple[dict[str, Array], Array]:
    """Draw things of different looks, a goal that names one, and its place."""
    kinds, places, count, named = jax.random.split(key, 4)
    kind = jax.random.permutation(kinds, SHAPES * COLOURS)[:THINGS]
    shape, colour = kind // COLOURS, kind % COLOURS
    looks = [jax.nn.one_hot(shape, SHAPES), jax.nn.one_hot(colour, COLOURS)]
    place = jax.random.uniform(places, (THINGS, 2), minval=-1, maxval=1)
    rows = jnp.concatenate([jnp.ones((THINGS, 1)), *looks, place], 1)
    there = jax.random.randint(count, (), 2, THINGS + 1)
    which = jax.random.randint(named, (), 0, there)
    goal = rows[which, : 1 + SHAPES + COLOURS]
    things = rows * (jnp.arange(THINGS) < there)[:, None]
    return {"goal": goal[None], "things": things}, place[which]


if __name__ == "__main__":
    main()
