"""Encoder: a torso for observations of several arrays, each read by its layout.

| layout | reader |
|---|---|
| `vector` | `Flat`: a dense layer |
| `set` | `Things`: each alike, then maximum and mean |
| `sequence` | `Sequence`: 1-D convolutions |
| `image` | `Impala`, or `Flat` where a side has fewer than 12 pixels |
| `tokens` | `Words`: attention, then the mean |

All arrays are read once; what they say together is the context. Sets are then read a
second time with the context in mind (`Regards`). A network that remembers reads them
once more, in the light of what the memory gives: only then can what was learnt of a
thing in the past pick it out among those of now. Every width inside is in proportion to
one number.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree, Shaped

from allometry.networks.impala import impala
from allometry.networks.layers import Dense, dense
from allometry.networks.reader import Reader, flat
from allometry.networks.sequence import sequence
from allometry.networks.things import Regard, regard, things
from allometry.networks.torsos import Torso, residual
from allometry.networks.words import words
from allometry.refusal import Refusal
from allometry.specs import ArraySpec

#: Images with a shorter side than this, in pixels, are read as numbers.
SMALL = 12


class Readers(eqx.Module):
    """One reader for each array of an observation; none for arrays of no elements."""

    each: tuple[Reader | None, ...]

    def __call__(self, arrays: list[Shaped[Array, "..."]]) -> Float[Array, " features"]:
        """Return the features of all arrays, one after the other."""
        return jnp.concatenate(
            [
                reader(array)
                for reader, array in zip(self.each, arrays, strict=True)
                if reader is not None
            ]
        )


class Regards(eqx.Module):
    """Sets read again with features in mind, to which what is found is added."""

    each: tuple[Regard | None, ...]
    hidden: Dense
    structure: Any = eqx.field(static=True)

    def __call__(
        self,
        observation: PyTree[Shaped[Array, "..."]],
        features: Float[Array, " width"],
    ) -> Float[Array, " width"]:
        """Return the features with what the sets say in their light.

        Raises `Refusal` if the observation's tree is not that of the spec.
        """
        found = [
            regard(array, features)
            for regard, array in zip(
                self.each, _arrays(observation, self.structure), strict=True
            )
            if regard is not None
        ]
        return jax.nn.elu(self.hidden(jnp.concatenate([features, *found])))


class Encoder(Torso):
    """Readers, a context, sets read again in its light, and residual blocks.

    `embedding` is what reads everything first; the second reading belongs to the rest.
    """

    embedding: Readers
    context: Dense
    again: Regards | None
    blocks: tuple[Dense, ...]
    structure: Any = eqx.field(static=True)

    def __call__(
        self, observation: PyTree[Shaped[Array, "..."]]
    ) -> Float[Array, " width"]:
        """Return the features of one observation.

        Raises `Refusal` if its tree is not that of the spec it was built for.
        """
        arrays = _arrays(observation, self.structure)
        x = jax.nn.elu(self.context(self.embedding(arrays)))
        if self.again is not None:
            x = self.again(observation, x)
        return residual(self.blocks, x, jax.nn.elu)


def regards(
    key: Key[Array, ""], observation: PyTree[ArraySpec], width: int
) -> Regards | None:
    """Build `Regards` for `width` features, if there are sets; the key is consumed."""
    specs, structure = jax.tree.flatten(observation)
    again, last = jax.random.split(key)
    keys = jax.random.split(again, len(specs))
    each = tuple(map(lambda key, spec: _regard(key, spec, width), keys, specs))
    found = sum(2 * len(one.context) for one in each if one is not None)
    if not found:
        return None
    return Regards(each, dense(last, width + found, width), structure)


def encoder(
    key: Key[Array, ""], observation: PyTree[ArraySpec], width: int, depth: int
) -> Encoder:
    """Build an `Encoder` of `width` units and `depth` blocks; the key is consumed.

    Raises `Refusal` if the observation has no elements at all.
    """
    specs, structure = _specs(observation)
    reading, context, again, *rest = jax.random.split(key, 3 + depth)
    keys = jax.random.split(reading, len(specs))
    readers = tuple(map(lambda key, spec: _reader(key, spec, width), keys, specs))
    return Encoder(
        Readers(readers),
        dense(context, sum(_features(each) for each in readers), width),
        regards(again, observation, width),
        tuple(dense(block, width, width) for block in rest),
        structure,
    )


def _arrays(
    observation: PyTree[Shaped[Array, "..."]], expected: Any
) -> list[Shaped[Array, "..."]]:
    """List the arrays of an observation; refuse another tree than the spec's."""
    arrays, structure = jax.tree.flatten(observation)
    if structure != expected:
        raise Refusal(
            "The observation has another structure than the spec that the network "
            f"was built for: {structure}, not {expected}. Give it one of the same "
            "environment."
        )
    return arrays


def _specs(observation: PyTree[ArraySpec]) -> tuple[list[ArraySpec], Any]:
    """List the arrays of an observation, and the tree that they hang on."""
    specs, structure = jax.tree.flatten(observation)
    if not any(spec.size for spec in specs):
        raise Refusal(
            "The observation has no elements at all, so that there is nothing to "
            "read. Choose an environment in which something is observed."
        )
    return specs, structure


def _image(key: Key[Array, ""], spec: ArraySpec, width: int) -> Reader:
    read = flat if min(spec.shape[:2]) < SMALL else impala
    return read(key, spec, width)


#: Builders of readers by layout, of a key, the array and the network's width.
READERS: dict[str, Callable[[Key[Array, ""], ArraySpec, int], Reader]] = {
    "vector": flat,
    "set": things,
    "sequence": sequence,
    "image": _image,
    "tokens": words,
}


def _reader(key: Key[Array, ""], spec: ArraySpec, width: int) -> Reader | None:
    return READERS[spec.layout](key, spec, width) if spec.size else None


def _regard(key: Key[Array, ""], spec: ArraySpec, width: int) -> Regard | None:
    return regard(key, spec, width) if spec.layout == "set" and spec.size else None


def _features(reader: Reader | None) -> int:
    """Count what a reader gives."""
    if reader is None:
        return 0
    array = jax.ShapeDtypeStruct(reader.spec.shape, reader.spec.dtype)
    return int(jax.eval_shape(reader, array).size)
