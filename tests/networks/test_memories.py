"""Memories: steps and windows agree, episodes do not leak, and what is kept is used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.memories import MEMORIES, heads, memory
from allometry.networks.transformer_xl import PUBLISHED, transformer_xl
from allometry.refusal import Refusal

WIDTH, LENGTH, STEPS = 12, 5, 17
FIRST = jnp.zeros(STEPS, bool).at[jnp.array([0, 6, 7, 15])].set(True)


def built(kind: str, **changes):
    return memory(kind, **{"width": WIDTH, "length": LENGTH, **changes})(
        jax.random.key(0)
    )


def features(steps: int = STEPS, seed: int = 1):
    return jax.random.normal(jax.random.key(seed), (steps, WIDTH))


def stepped(network, x, first):
    """Read features one step after the other, as acting does."""
    state, given = network.initial(), []
    for features, begins in zip(x, first, strict=True):
        state, y = network.step(network.cleared(state, begins), features)
        given.append(y)
    return state, jnp.stack(given)


@pytest.mark.parametrize("kind", MEMORIES)
def test_steps_give_what_a_window_gives(kind: str) -> None:
    network, x = built(kind), features()
    state, given = stepped(network, x, FIRST)
    later, whole = network.window(network.initial(), x, FIRST)
    np.testing.assert_allclose(given, whole, atol=1e-5)
    following = features(4, seed=2)
    none = jnp.zeros(4, bool)
    np.testing.assert_allclose(
        network.window(state, following, none)[1],
        network.window(later, following, none)[1],
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", MEMORIES)
@pytest.mark.parametrize("cut", [3, 12])
def test_windows_may_be_cut_anywhere(kind: str, cut: int) -> None:
    network, x = built(kind), features()
    _, whole = network.window(network.initial(), x, FIRST)
    state, parts = network.initial(), []
    for start in range(0, STEPS, cut):
        rows = slice(start, start + cut)
        state, part = network.window(state, x[rows], FIRST[rows])
        parts.append(part)
    np.testing.assert_allclose(jnp.concatenate(parts), whole, atol=1e-5)


@pytest.mark.parametrize("kind", MEMORIES)
def test_an_episode_knows_nothing_of_those_before_it(kind: str) -> None:
    network, x = built(kind), features()
    _, whole = network.window(network.initial(), x, FIRST)
    rows = slice(7, 15)
    begins = jnp.arange(8) == 0
    _, alone = network.window(network.initial(), x[rows], begins)
    np.testing.assert_allclose(whole[rows], alone, atol=1e-5)


def reach(network, steps: int = STEPS) -> list[int]:
    """List how many steps ago a feature was that changes what is given last."""
    x, none = features(steps), jnp.zeros(steps, bool)

    def last(x):
        return network.window(network.initial(), x, none)[1][-1].sum()

    moved = np.abs(jax.grad(last)(x)).max(1)[::-1]
    return [ago for ago, size in enumerate(moved) if size > 0]


@pytest.mark.parametrize("kind", ["gru", "lstm", "gru-attention"])
def test_a_recurrent_memory_reaches_back_to_the_beginning(kind: str) -> None:
    assert reach(built(kind)) == list(range(STEPS))


def test_blocks_of_a_transformer_reach_back_as_far_as_their_sum() -> None:
    assert reach(built("none")) == [0]
    assert reach(built("transformer-xl")) == list(range(2 * LENGTH + 1))
    alone = transformer_xl(
        jax.random.key(0), WIDTH, blocks=1, heads=2, key_size=3, length=LENGTH
    )
    assert reach(alone) == list(range(LENGTH + 1))


def test_attention_is_that_of_the_paper() -> None:
    """Score every pair by the formula, one after the other."""
    network = transformer_xl(
        jax.random.key(3), WIDTH, blocks=1, heads=3, key_size=4, length=LENGTH
    )
    look = network.blocks[0].attention
    keys = jax.random.split(jax.random.key(4), 2)
    content, position = (jax.random.normal(key, (3, 4)) for key in keys)
    look = type(look)(
        look.queries, look.keys, look.values, look.positions, content, position,
        look.out, look.length,
    )  # fmt: skip
    x = np.asarray(features(8))
    _, given = look(look.initial(), jnp.asarray(x), jnp.arange(8) == 0)
    rate = 10_000.0 ** (-np.arange(6) / 6)
    for i in range(8):
        seen = np.zeros(WIDTH)
        for head in range(3):
            query = look.queries[head] @ x[i]
            scores, values = [], []
            for j in range(max(0, i - LENGTH), i + 1):
                angle = (i - j) * rate
                table = np.concatenate([np.sin(angle), np.cos(angle)])
                score = (query + content[head]) @ (look.keys[head] @ x[j])
                score += (query + position[head]) @ (look.positions[head] @ table)
                scores.append(score / 2.0)  # √ of the size of keys
                values.append(look.values[head] @ x[j])
            weight = np.exp(np.array(scores) - max(scores))
            seen += look.out[:, head] @ (weight / weight.sum() @ np.array(values))
        np.testing.assert_allclose(given[i], seen, atol=1e-4)


def test_what_is_kept_gets_no_gradient_of_a_later_window() -> None:
    network, x = built("transformer-xl"), features()
    none = jnp.zeros(6, bool)

    def later(x):
        state, _ = network.window(network.initial(), x[:6], none)
        return network.window(state, x[6:12], none)[1].sum()

    moved = np.abs(jax.grad(later)(x)).max(1)
    assert moved[:6].max() == 0
    assert moved[6:12].min() > 0


@pytest.mark.parametrize(("name", "size"), PUBLISHED.items())
def test_cores_are_as_large_as_published(name: str, size) -> None:
    shapes = jax.eval_shape(
        lambda key: transformer_xl(
            key,
            size.width,
            blocks=size.blocks,
            heads=size.heads,
            key_size=size.key_size,
            length=300,
        ),
        jax.random.key(0),
    )
    parts = shapes.parts()
    assert parts["core"] == pytest.approx(float(name[:-1]) * 1e6, rel=0.05)
    assert parts["gates"] == parts["core"] // 3
    total = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))
    assert sum(parts.values()) == total


@pytest.mark.parametrize("kind", MEMORIES)
def test_players_and_copies_are_axes_of_a_state(kind: str) -> None:
    network = built(kind)
    x = jax.random.normal(jax.random.key(5), (3, 2, STEPS, WIDTH))
    state = jax.vmap(jax.vmap(lambda _: network.initial()))(x[..., 0, 0])
    read = jax.vmap(jax.vmap(network.window, (0, 0, None)), (0, 0, None))
    _, many = jax.jit(read)(state, x, FIRST)
    _, one = network.window(network.initial(), x[1, 1], FIRST)
    np.testing.assert_allclose(many[1, 1], one, atol=1e-5)


@pytest.mark.parametrize("kind", MEMORIES)
def test_a_memory_is_a_carry_of_arrays(kind: str) -> None:
    network = built(kind)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(network))

    def step(state, x):
        return network.step(state, x)

    state, _ = jax.lax.scan(step, network.initial(), features())
    assert jax.tree.structure(state) == jax.tree.structure(network.initial())


def test_heads_divide_the_width() -> None:
    assert [heads(width) for width in (1, 12, 64, 96, 100, 256)] == [1, 1, 2, 3, 2, 8]


@pytest.mark.parametrize(
    ("kind", "width", "length", "words"),
    [
        ("elephant", 8, 8, 'no memory "elephant". Choose one of: none, gru'),
        ("gru", 0, 8, "width 0 that keeps 8 steps is impossible"),
        ("gru", 8, 0, "keeps 0 steps"),
    ],
)
def test_an_impossible_memory_is_refused(kind, width, length, words) -> None:
    with pytest.raises(Refusal, match=words):
        memory(kind, width, length)
