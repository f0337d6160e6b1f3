"""Network: a pytree of arrays that JAX carries as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.network import Network
from allometry.networks.scale import scale
from allometry.specs import ArraySpec

IMAGE = ArraySpec((12, 12, 1))
TORSOS = pytest.mark.parametrize("torso", ["mlp", "cnn"])


def build(torso: str, key: jax.Array) -> Network:
    return scale(IMAGE, 10, torso=torso, width=6, depth=2)(key)


@TORSOS
def test_every_leaf_is_an_array(torso: str) -> None:
    network = build(torso, jax.random.key(0))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(network))


@TORSOS
def test_is_carried_by_scan_vmap_and_jit(torso: str) -> None:
    image = jnp.ones(IMAGE.shape)
    networks = jax.vmap(lambda key: build(torso, key))(
        jax.random.split(jax.random.key(0), 3)
    )

    @jax.jit
    def carried(networks: Network) -> tuple[Network, jax.Array]:
        def shrink(networks: Network, _: None) -> tuple[Network, jax.Array]:
            shown = jax.vmap(lambda network: network(image))(networks)
            return jax.tree.map(lambda leaf: leaf * 0.5, networks), shown

        return jax.lax.scan(shrink, networks, None, 2)

    after, shown = carried(networks)
    assert shown.shape == (2, 3, 10)
    second = jax.tree.map(lambda leaf: leaf[1], networks)
    np.testing.assert_allclose(shown[0, 1], second(image), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(after.head.weight, networks.head.weight / 4)


def test_head_scale_decides_how_far_outputs_start_from_zero() -> None:
    image = jax.random.uniform(jax.random.key(1), IMAGE.shape)
    small, large = (
        scale(IMAGE, 10, head_scale=head_scale)(jax.random.key(0))(image)
        for head_scale in (0.01, 1.0)
    )
    np.testing.assert_allclose(small * 100, large, rtol=1e-4)
    assert float(jnp.abs(jax.nn.softmax(small) - 0.1).max()) < 0.01
