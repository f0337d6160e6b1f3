"""Words: places count, and what is no word does not."""

import jax
import jax.numpy as jnp
import numpy as np

from allometry.networks.words import Words, words
from allometry.specs import ArraySpec

VOCABULARY = 9


def reader(places: int) -> Words:
    spec = ArraySpec((places,), "int32", num_values=VOCABULARY, layout="tokens")
    return words(jax.random.key(0), spec, width=15)


READ = jax.jit(Words.__call__)


def test_zeros_after_a_text_do_not_matter() -> None:
    short = READ(reader(3), jnp.array([4, 2, 7]))
    long = READ(reader(6), jnp.array([4, 2, 7, 0, 0, 0]))
    assert short.shape == (8,)
    np.testing.assert_allclose(long, short, rtol=1e-4, atol=1e-5)


def test_words_and_their_places_matter() -> None:
    texts = jnp.array([[4, 2, 7, 0], [2, 4, 7, 0], [4, 2, 8, 0], [4, 2, 7, 7]])
    shown = jax.vmap(lambda text: READ(reader(4), text))(texts)
    distances = jnp.abs(shown[:, None] - shown).max(-1) + jnp.eye(4)
    assert float(distances.min()) > 0.01


def test_gradients_reach_the_words_that_are_there() -> None:
    def first(network: Words, text: jax.Array) -> jax.Array:
        return network(text)[0]

    slope = jax.jit(jax.grad(first))
    said = np.abs(slope(reader(4), jnp.array([4, 2, 0, 0])).table).max(1)
    np.testing.assert_array_equal(said > 0, [word in (2, 4) for word in range(9)])
    silent = slope(reader(4), jnp.zeros(4, jnp.int32))
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(silent))
    np.testing.assert_array_equal(READ(reader(4), jnp.zeros(4, jnp.int32)), np.zeros(8))
