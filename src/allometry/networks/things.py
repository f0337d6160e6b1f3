"""Things: a set is read in no order, and a second time in the light of all the rest.

Deep Sets (Zaheer et al. 2017, arXiv 1703.06114): each thing through the same small
network, then maximum and mean over the things that are there. `Things` looks at a set
by itself. `Regard` knows a context: a projection of it multiplies what each row gives,
so that what a goal says can pick out the thing that it is about. With a sum in place of
the product the context was of little use (`python benchmarks/conditioning.py`).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, Shaped

from allometry.networks.layers import Dense, dense
from allometry.networks.reader import Reader, fields_in, half, numbers
from allometry.networks.torsos import residual
from allometry.specs import ArraySpec


class Things(Reader):
    """A dense layer and a residual block for each thing, then maximum and mean."""

    row: Dense
    blocks: tuple[Dense, ...]

    def __call__(
        self,
        array: Shaped[Array, "things fields"],
        weight: Float[Array, " half"] | float = 1.0,
    ) -> Float[Array, " features"]:
        """Return the features of a set; `weight` is that of each unit of the rows."""

        def of_one(row: Float[Array, " fields"]) -> Float[Array, " half"]:
            x = jax.nn.elu(self.row(row) * weight)
            return residual(self.blocks, x, jax.nn.elu)

        return pooled(jax.vmap(of_one)(numbers(self.spec, array)), array[:, 0] > 0)


class Regard(eqx.Module):
    """`Things` that are looked at with a context c in mind.

    φ((W row + b) ⊙ (1 + V c)) takes the place of φ(W row + b): what FiLM does (Perez et
    al. 2018, arXiv 1709.07871), without its shift.
    """

    things: Things
    context: Float[Array, "half width"]

    def __call__(
        self, array: Shaped[Array, "things fields"], context: Float[Array, " width"]
    ) -> Float[Array, " features"]:
        """Return the features of a set in the light of `context`."""
        return self.things(array, 1 + self.context @ context)


def things(key: Key[Array, ""], spec: ArraySpec, width: int) -> Things:
    """Build `Things`, half of `width` for each; the key is consumed."""
    row, block = jax.random.split(key)
    each = half(width)
    blocks = (dense(block, each, each),)
    return Things(spec, dense(row, fields_in(spec), each), blocks)


def regard(key: Key[Array, ""], spec: ArraySpec, width: int) -> Regard:
    """Build a `Regard` for a context of `width`; the key is consumed."""
    first, second = jax.random.split(key)
    context = dense(second, width, half(width)).weight
    return Regard(things(first, spec, width), context)


def pooled(
    each: Float[Array, "things units"], there: Bool[Array, " things"]
) -> Float[Array, " twice_units"]:
    """Take maximum and mean over the things that are there; both 0 if none is."""
    there = there[:, None]
    # Where nothing is there −∞ is not used, so that its gradient is 0 and not NaN.
    most = jnp.where(there, each, -jnp.inf).max(0)
    most = jnp.where(there.any(), most, 0.0)
    return jnp.concatenate([most, mean_of(each, there[:, 0])])


def mean_of(
    each: Float[Array, "things units"], there: Bool[Array, " things"]
) -> Float[Array, " units"]:
    """Take the mean over what is there, 0 if nothing is."""
    total = jnp.where(there[:, None], each, 0.0).sum(0)
    return total / jnp.maximum(there.sum(), 1)
