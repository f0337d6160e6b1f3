"""Scale: one number into a network of a family.

A family is a torso at every width and depth. N, the number of parameters, is what a
scaling law counts; `width_for` and `depth_for` find the member of a given N.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
from jaxtyping import Array, Key, PyTree

from allometry.networks.encoder import encoder, regards
from allometry.networks.heads import policy_and_value
from allometry.networks.layers import dense
from allometry.networks.memories import memory as remembering
from allometry.networks.network import Network
from allometry.networks.torsos import Torso, digits_cnn, mlp
from allometry.refusal import Refusal
from allometry.specs import ArraySpec


@dataclasses.dataclass(frozen=True)
class Family:
    """A torso's builder and the width and depth of its default member."""

    build: Callable[[Key[Array, ""], PyTree[ArraySpec], int, int], Torso]
    width: int
    depth: int


FAMILIES: dict[str, Family] = {
    "mlp": Family(mlp, width=128, depth=1),
    "cnn": Family(digits_cnn, width=1000, depth=0),
    "encoder": Family(encoder, width=128, depth=1),
}


#: How far above its target the smallest member of a family may lie, as a ratio.
MISS = 1.25


def scale(
    observation: PyTree[ArraySpec],
    outputs: int,
    *,
    torso: str = "mlp",
    width: int | None = None,
    depth: int | None = None,
    memory: str = "none",
    memory_length: int = 1,
    critic: bool = False,
    head_scale: float = 1.0,
) -> Callable[[Key[Array, ""]], Network]:
    """Return the builder of one member of a family, a function of the key.

    `width` and `depth` are the family's default where they are `None`. `memory` is one
    of `memories.MEMORIES` and keeps `memory_length` steps. With a `critic` the head
    gives a value too. `head_scale` multiplies the head's first weights: small for a
    policy, which then starts near uniform. Raises `Refusal` for an unknown torso or
    memory, or an impossible size.
    """
    chosen = family(torso)
    width = chosen.width if width is None else width
    depth = chosen.depth if depth is None else depth
    if width < 1 or depth < 0:
        raise Refusal(
            f"A network of width {width} and depth {depth} is impossible: "
            "give a width of at least 1 and a depth of at least 0."
        )

    remember = remembering(memory, width, memory_length)
    head = policy_and_value if critic else dense

    def build(key: Key[Array, ""]) -> Network:
        torso_key, head_key, memory_key = jax.random.split(key, 3)
        look = None
        if memory != "none" and chosen.build is encoder:
            look = regards(jax.random.fold_in(memory_key, 1), observation, width)
        return Network(
            torso=chosen.build(torso_key, observation, width, depth),
            memory=remember(memory_key),
            look=look,
            head=head(head_key, width, outputs, head_scale),
        )

    return build


def family(torso: str) -> Family:
    """Look a family up by its key; raise `Refusal` naming those that exist."""
    if torso not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise Refusal(f'There is no torso "{torso}". Choose one of: {known}.')
    return FAMILIES[torso]


def width_for(
    observation: PyTree[ArraySpec], outputs: int, factor: float, *, torso: str = "mlp"
) -> int:
    """Return the width whose N is closest to `factor` times the default member's.

    The depth stays the default's. Raises `Refusal` if even width 1 has more.
    """
    return _closest(
        lambda width: _size(observation, outputs, torso, width, None),
        factor * _size(observation, outputs, torso, None, None),
        smallest=1,
        what=f"width of the {torso}",
    )


def depth_for(
    observation: PyTree[ArraySpec], outputs: int, factor: float, *, torso: str = "mlp"
) -> int:
    """Return the depth whose N is closest to `factor` times the default member's.

    The width stays the default's, and so do the layers that read the observation
    and give the outputs: depth can make a network larger at will, in steps of
    width² + width, but never smaller than those layers (.37 of the default MLP for
    8×8 digits). Small members need a smaller width. Raises `Refusal` below that.
    """
    return _closest(
        lambda depth: _size(observation, outputs, torso, None, depth),
        factor * _size(observation, outputs, torso, None, None),
        smallest=0,
        what=f"depth of the {torso}",
    )


def learning_rate_scale(
    width: int, depth: int, default_width: int, default_depth: int
) -> float:
    """Return the factor on the default's learning rate: ∝ 1/√width and ∝ 1/√depth.

    The width rule is that of Hilton et al. 2023 (arXiv 2301.13442, for Adam). The
    depth rule is our choice after Depth-μP, which pairs it with branches scaled by
    1/√depth (arXiv 2310.02244, recalled). No blocks and one block count alike.
    """
    return math.sqrt(default_width / width * max(default_depth, 1) / max(depth, 1))


def _size(
    observation: PyTree[ArraySpec],
    outputs: int,
    torso: str,
    width: int | None,
    depth: int | None,
) -> int:
    """Count the parameters of a member without building it."""
    build = scale(observation, outputs, torso=torso, width=width, depth=depth)
    shapes = jax.eval_shape(build, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def _closest(
    size: Callable[[int], int], target: float, smallest: int, what: str
) -> int:
    """Find the argument of the increasing `size` whose value is nearest to `target`."""
    if not 0 < target < math.inf:
        raise Refusal(f"No {what} gives {target:g} parameters: the factor must be > 0.")
    size = functools.cache(size)
    if size(smallest) > target * MISS:
        raise Refusal(
            f"No {what} gives {target:,.0f} parameters: {smallest} already has "
            f"{size(smallest):,}. Ask for a larger factor."
        )
    low, high = smallest, smallest + 1
    while size(high) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) < target else (low, middle)
    return min(low, high, key=lambda n: abs(math.log(size(n) / target)))
