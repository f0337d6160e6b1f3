"""IMPALA: the published sizes, and the scale of pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.impala import impala
from allometry.networks.layers import shrink
from allometry.specs import ArraySpec

PROCGEN = ArraySpec((64, 64, 3), "uint8", 0.0, 255.0, layout="image")
#: Parameters by multiplier of the width, as PPO-EWMA publishes them; the heads are not
#: among them.
PUBLISHED = {
    1 / 4: 0.039e6,
    1 / 2: 0.156e6,
    1: 0.622e6,
    2: 2.49e6,
    4: 9.94e6,
    8: 39.8e6,
}


def count(width: int, blocks: int = 2) -> int:
    shapes = jax.eval_shape(
        lambda key: impala(key, PROCGEN, width, blocks), jax.random.key(0)
    )
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("multiplier", PUBLISHED)
def test_has_the_published_parameters(multiplier: float) -> None:
    published = PUBLISHED[multiplier]
    assert count(round(256 * multiplier)) == pytest.approx(published, rel=0.01)


def test_has_the_parameters_counted_by_hand() -> None:
    stacks = sum(
        9 * inputs * outputs + outputs + 4 * (9 * outputs * outputs + outputs)
        for inputs, outputs in [(3, 16), (16, 32), (32, 32)]
    )
    assert count(256) == stacks + 8 * 8 * 32 * 256 + 256
    assert count(256) - count(256, blocks=1) == 2 * (9 * 256 + 16) + 4 * (9 * 1024 + 32)


def test_shrink_takes_maxima_around_every_second_pixel() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 4, 2)).astype(np.float32)
    shown = shrink(jnp.asarray(maps))
    # With an even side the pad is at its end only, so that windows begin at 0, 2, …
    expected = [
        [
            maps[max(row, 0) : row + 3, column : column + 3].max((0, 1))
            for column in (0, 2)
        ]
        for row in (-1, 1, 3)
    ]
    np.testing.assert_array_equal(shown, expected)


def test_pixels_are_shares_of_their_bounds() -> None:
    small = ArraySpec((12, 13, 1), "uint8", 0.0, 255.0, layout="image")
    floats = ArraySpec((12, 13, 1), layout="image")
    pixels = jax.random.randint(jax.random.key(1), small.shape, 0, 256)
    pixels = pixels.astype(jnp.uint8)

    def read(spec: ArraySpec, image: jax.Array) -> jax.Array:
        build = jax.jit(lambda key: impala(key, spec, 16, blocks=0)(image))
        return build(jax.random.key(0))

    shown, shares = read(small, pixels), read(floats, pixels / 255)
    assert shown.shape == (16,)
    assert float(shown.max()) > 0
    np.testing.assert_allclose(shown, shares, rtol=1e-4, atol=1e-6)


def test_branches_start_small_and_alike() -> None:
    network = jax.jit(lambda key: impala(key, PROCGEN, 256))(jax.random.key(0))
    for stack in network.stacks:
        for branch in stack.branches:
            for maps in (branch.first, branch.second):
                inputs = maps.weight.shape[2]
                gain = float(maps.weight.std()) * (9 * inputs) ** 0.5
                assert gain == pytest.approx(2**0.5 * 6**-0.25, rel=0.05)
