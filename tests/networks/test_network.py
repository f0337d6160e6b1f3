"""Network: a pytree of arrays that JAX carries as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.network import Network
from allometry.networks.scale import scale
from allometry.specs import ArraySpec

IMAGE = ArraySpec((12, 12, 1))
TORSOS = pytest.mark.parametrize("torso", ["mlp", "cnn", "encoder"])


def build(torso: str, key: jax.Array) -> Network:
    return scale(IMAGE, 10, torso=torso, width=6, depth=2)(key)


@TORSOS
def test_every_leaf_is_an_array(torso: str) -> None:
    network = jax.eval_shape(lambda key: build(torso, key), jax.random.key(0))
    leaves = jax.tree.leaves(network)
    assert len(leaves) > 4
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves)


@TORSOS
def test_is_carried_by_scan_vmap_and_jit(torso: str) -> None:
    image = jnp.ones(IMAGE.shape)
    keys = jax.random.split(jax.random.key(0), 3)
    networks = jax.jit(jax.vmap(lambda key: build(torso, key)))(keys)

    @jax.jit
    def carried(networks: Network) -> tuple[Network, jax.Array]:
        def shrink(networks: Network, _: None) -> tuple[Network, jax.Array]:
            shown = jax.vmap(lambda network: network(image))(networks)
            return jax.tree.map(lambda leaf: leaf * 0.5, networks), shown

        return jax.lax.scan(shrink, networks, None, 2)

    after, shown = carried(networks)
    assert shown.shape == (2, 3, 10)
    second = jax.tree.map(lambda leaf: leaf[1], networks)
    alone = jax.jit(Network.__call__)(second, image)
    np.testing.assert_allclose(shown[0, 1], alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(after.head.weight, networks.head.weight / 4)


def test_head_scale_decides_how_far_outputs_start_from_zero() -> None:
    image = jax.random.uniform(jax.random.key(1), IMAGE.shape)
    small, large = (
        jax.jit(lambda key, build: build(key)(image), static_argnums=1)(
            jax.random.key(0), scale(IMAGE, 10, head_scale=head_scale)
        )
        for head_scale in (0.01, 1.0)
    )
    np.testing.assert_allclose(small * 100, large, rtol=1e-4)
    assert float(jnp.abs(jax.nn.softmax(small) - 0.1).max()) < 0.01
