"""Encoder: all layouts, sizes and costs, and goals that pick out their things."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from allometry.networks.cost import flops, parameters
from allometry.networks.encoder import encoder
from allometry.networks.network import Network
from allometry.networks.scale import scale, width_for
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, discrete

Tree = Any


class Entities(NamedTuple):
    bodies: Any
    floor: Any
    goal: Any
    rules: Any
    self: Any


#: Observations as XLand has them.
ENTITIES = Entities(
    bodies=ArraySpec((9, 20), layout="set"),
    floor=ArraySpec((7, 7, 5), layout="image"),
    goal=ArraySpec((2, 42), layout="set"),
    rules=ArraySpec((4, 62), layout="set"),
    self=ArraySpec((12,)),
)
#: Every layout, small.
MIXED = {
    "image": ArraySpec((12, 12, 3), "uint8", 0.0, 255.0, layout="image"),
    "patch": ArraySpec((3, 3, 2), layout="image"),
    "rays": ArraySpec((5, 4), layout="sequence"),
    "set": ArraySpec((3, 4), layout="set"),
    "none": ArraySpec((0, 4), layout="set"),
    "said": ArraySpec((4,), "int32", num_values=6, layout="tokens"),
    "last": discrete(3),
}


def shapes(observation: Tree) -> Tree:
    return jax.tree.map(
        lambda spec: jax.ShapeDtypeStruct(spec.shape, spec.dtype), observation
    )


def ones(observation: Tree) -> Tree:
    return jax.tree.map(lambda spec: jnp.ones(spec.shape, spec.dtype), observation)


def test_every_layout_is_read() -> None:
    network = jax.jit(lambda key: encoder(key, MIXED, width=16, depth=2))(
        jax.random.key(0)
    )
    names = [type(reader).__name__ for reader in network.embedding.each]
    # Dictionaries are in the order of their keys.
    expected = ["Impala", "Flat", "NoneType", "Flat", "Sequence", "Words", "Things"]
    assert names == expected
    together = jax.tree.map(
        lambda array: np.stack([np.asarray(array)] * 7), ones(MIXED)
    )
    for row, name in enumerate(["image", "patch", "rays", "set", "said", "last"]):
        one = together[name][row : row + 1].reshape(-1)
        one[1 if name == "set" else 0] += 1
    shown = jax.jit(jax.vmap(network.__call__))(together)
    assert shown.shape == (7, 16)
    assert np.abs(shown[:6] - shown[6]).max(1).min() > 1e-5


def test_is_carried_by_scan_vmap_and_jit() -> None:
    # Images, which take long to compile, are carried in `test_network`.
    observation = {name: spec for name, spec in MIXED.items() if name != "image"}
    build = scale(observation, 3, torso="encoder", width=4)
    seen = ones(observation)

    @jax.jit
    def carried(keys: jax.Array) -> tuple[Network, jax.Array]:
        def show(networks: Network, _: None) -> tuple[Network, jax.Array]:
            shown = jax.vmap(lambda network: network(seen))(networks)
            return jax.tree.map(lambda leaf: leaf * 0.0, networks), shown

        return jax.lax.scan(show, jax.vmap(build)(keys), None, 2)

    networks, shown = carried(jax.random.split(jax.random.key(0), 2))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(networks))
    assert shown.shape == (2, 2, 3)
    assert np.abs(shown[0, 0] - shown[0, 1]).min() > 1e-4
    np.testing.assert_array_equal(shown[1], np.zeros((2, 3)))


def test_without_sets_the_context_is_all_there_is() -> None:
    network = encoder(jax.random.key(0), ArraySpec((3,)), width=4, depth=0)
    assert network.again is None
    x = jnp.array([0.5, -1.0, 2.0])
    expected = jax.nn.elu(network.context(network.embedding.each[0](x)))
    np.testing.assert_allclose(network(x), expected, rtol=1e-5)


def test_parameters_are_counted_by_hand() -> None:
    build = scale(ENTITIES, 10, torso="encoder", width=8, depth=2)
    rows = (20 + 42 + 62) * 4 + 3 * 4
    blocks = 3 * (4 * 4 + 4)
    readings = 3 * 2 * 4
    expected = {
        "embedding": rows + blocks + (245 * 4 + 4) + (12 * 4 + 4),
        "torso": ((readings + 8) * 8 + 8)
        + (rows + blocks + 3 * 8 * 4)
        + ((8 + readings) * 8 + 8)
        + 2 * (8 * 8 + 8),
        "memory": 0,
        "heads": 8 * 10 + 10,
    }
    assert parameters(jax.eval_shape(build, jax.random.key(0))) == expected


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_width_spans_four_decades_and_is_cheap(size: float) -> None:
    def member(**width: int) -> Network:
        build = scale(ENTITIES, 10, torso="encoder", **width)
        return jax.eval_shape(build, jax.random.key(0))

    factor = size / sum(parameters(member()).values())
    network = member(width=width_for(ENTITIES, 10, factor, torso="encoder"))
    count = sum(parameters(network).values())
    assert count == pytest.approx(size, rel=0.05)
    # A dense network takes 2 FLOPs for each parameter.
    taken = flops(lambda network, x: network(x), network, shapes(ENTITIES))
    assert 2 < taken / count < 5


def test_the_torso_of_pictures_refuses_several_arrays() -> None:
    expected = r'"cnn" reads one array.* a tree of 5\. Choose the torso "encoder"'
    with pytest.raises(Refusal, match=expected):
        scale(ENTITIES, 10, torso="cnn")(jax.random.key(0))


@pytest.mark.parametrize("observation", [{}, ArraySpec((0, 3), layout="set")])
def test_refuses_to_read_nothing(observation: Tree) -> None:
    with pytest.raises(Refusal, match="no elements at all"):
        encoder(jax.random.key(0), observation, 4, 1)


def test_refuses_an_observation_of_another_structure() -> None:
    def read(key: jax.Array) -> jax.Array:
        network = encoder(key, ASKED, width=4, depth=0)
        return network(tuple(ones(ASKED).values()))

    with pytest.raises(Refusal, match="another structure"):
        jax.eval_shape(read, jax.random.key(0))


# Which thing does the goal name, and where is it?

THINGS = 6
ASKED = {
    "goal": ArraySpec((1, 9), layout="set"),
    "things": ArraySpec((THINGS, 11), layout="set"),
}


def asked(key: jax.Array) -> tuple[Tree, jax.Array]:
    """Draw things of different looks, a goal that names one, and its place."""
    keys = jax.random.split(key, 4)
    kinds = jax.random.permutation(keys[0], 16)[:THINGS]
    looks = jnp.concatenate(
        [jax.nn.one_hot(kinds // 4, 4), jax.nn.one_hot(kinds % 4, 4)], 1
    )
    places = jax.random.uniform(keys[1], (THINGS, 2), minval=-1, maxval=1)
    count = jax.random.randint(keys[2], (), 2, THINGS + 1)
    named = jax.random.randint(keys[3], (), 0, count)
    there = jnp.arange(THINGS) < count
    rows = jnp.concatenate([jnp.ones((THINGS, 1)), looks, places], 1)
    goal = jnp.concatenate([jnp.ones(1), looks[named]])[None]
    return {"goal": goal, "things": rows * there[:, None]}, places[named]


def without_context(network: Network, share: jax.Array) -> Network:
    """Leave so much of what the second reading knows of the context."""
    return eqx.tree_at(
        lambda network: [regard.context for regard in network.torso.again.each],
        network,
        replace_fn=lambda weights: weights * share,
    )


Read = Callable[[Network, Tree], jax.Array]


def trained(network: Network, read: Read) -> tuple[Network, jax.Array]:
    """Train on fresh draws; give the unexplained variance of the last ones."""
    optimiser = optax.adam(4e-3)

    def loss(network: Network, key: jax.Array) -> jax.Array:
        observation, place = jax.vmap(asked)(jax.random.split(key, 128))
        said = jax.vmap(lambda one: read(network, one))(observation)
        return ((said - place) ** 2).mean()

    def update(carry: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
        network, state = carry
        error, slope = jax.value_and_grad(loss)(network, key)
        changes, state = optimiser.update(slope, state)
        return (optax.apply_updates(network, changes), state), error

    start = network, optimiser.init(network)
    keys = jax.random.split(jax.random.key(1), 300)
    (network, _), errors = jax.lax.scan(update, start, keys)
    # Places are uniform in −1 … 1: their variance is 1/3.
    return network, errors[-20:].mean() * 3


@jax.jit
def learned(share: jax.Array) -> tuple[Network, jax.Array]:
    network = scale(ASKED, 2, torso="encoder", width=32)(jax.random.key(0))
    return trained(network, lambda network, one: without_context(network, share)(one))


def test_learns_where_the_thing_is_that_the_goal_names() -> None:
    network, unexplained = learned(jnp.array(1.0))
    _, blind = learned(jnp.array(0.0))
    assert float(unexplained) < 0.1
    assert float(blind) > 2 * float(unexplained)

    observation = jax.tree.map(np.asarray, jax.jit(asked)(jax.random.key(3))[0])
    read = jax.jit(lambda goal, things: network({"goal": goal, "things": things}))
    slopes = jax.jit(jax.jacobian(read, 1))
    for named, other in [(0, 1), (1, 0)]:
        goal = np.concatenate([[1.0], observation["things"][named, 1:9]])[None]
        goal = goal.astype(np.float32)
        moves = np.abs(slopes(goal, observation["things"]))[..., 9:].max((0, 2))
        assert moves[named] > 0.5
        assert moves[other] < 0.3
        np.testing.assert_allclose(
            read(goal, observation["things"]),
            read(goal, observation["things"][::-1]),
            rtol=1e-3,
            atol=1e-4,
        )


def recalled(network: Network, observation: Tree) -> jax.Array:
    """Show the goal first, then the things without it; give what is said then."""
    goal, things = observation["goal"], observation["things"]
    steps = {
        "goal": jnp.stack([goal, jnp.zeros_like(goal)]),
        "things": jnp.stack([jnp.zeros_like(things), things]),
    }
    first = jnp.array([True, False])
    return network.window(network.initial(), steps, first)[1][-1]


@functools.partial(jax.jit, static_argnums=0)
def remembered(look: bool) -> tuple[Network, jax.Array]:
    build = scale(ASKED, 2, torso="encoder", width=32, memory="gru")
    network = build(jax.random.key(0))
    if not look:
        network = eqx.tree_at(lambda network: network.look, network, None)
    return trained(network, recalled)


def test_what_is_remembered_picks_a_thing_out() -> None:
    """Sets are read once more in the light of the memory; without that, hardly."""
    network, unexplained = remembered(True)
    _, without = remembered(False)
    assert float(unexplained) < 0.3
    assert float(without) > 2 * float(unexplained)
    one = jax.tree.map(np.asarray, jax.jit(asked)(jax.random.key(3))[0])

    @jax.jit
    def by_steps(network: Network, observation: Tree) -> jax.Array:
        blank = jax.tree.map(jnp.zeros_like, observation)
        state, _ = network.step(
            network.initial(), blank | {"goal": observation["goal"]}, jnp.array(True)
        )
        shown = blank | {"things": observation["things"]}
        return network.step(state, shown, jnp.array(False))[1]

    np.testing.assert_allclose(
        by_steps(network, one), jax.jit(recalled)(network, one), atol=1e-5
    )


def test_only_what_remembers_and_reads_sets_looks_again() -> None:
    def look(observation: Tree, **given: str) -> Any:
        build = scale(observation, 2, width=8, **given)
        return jax.eval_shape(build, jax.random.key(0)).look

    assert look(ASKED, torso="encoder") is None
    assert look(ASKED, torso="mlp", memory="gru") is None
    assert look(ArraySpec((3,)), torso="encoder", memory="gru") is None
    assert look(ASKED, torso="encoder", memory="gru") is not None
