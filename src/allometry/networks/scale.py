"""Scale: one number into a network of a family.

A family is a torso at every width and depth. N, the number of parameters, is what a
scaling law counts; `width_for` and `depth_for` find the member of a given N.
"""

import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, Key

from allometry.networks.layers import dense
from allometry.networks.network import Network
from allometry.networks.torsos import mlp
from allometry.refusal import Refusal
from allometry.specs import ArraySpec


@dataclasses.dataclass(frozen=True)
class Family:
    """A torso's builder and the width and depth of its default member."""

    build: Callable[[Key[Array, ""], ArraySpec, int, int], eqx.Module]
    width: int
    depth: int


FAMILIES: dict[str, Family] = {"mlp": Family(mlp, width=128, depth=1)}


def scale(
    observation: ArraySpec,
    outputs: int,
    *,
    torso: str = "mlp",
    width: int | None = None,
    depth: int | None = None,
    head_scale: float = 1.0,
) -> Callable[[Key[Array, ""]], Network]:
    """Return the builder of one member of a family, a function of the key.

    `width` and `depth` are the family's default where they are `None`. `head_scale`
    multiplies the head's first weights: small for a policy, which then starts near
    uniform. Raises `Refusal` for an unknown torso or an impossible size.
    """
    chosen = family(torso)
    width = chosen.width if width is None else width
    depth = chosen.depth if depth is None else depth
    if width < 1 or depth < 0:
        raise Refusal(
            f"A network of width {width} and depth {depth} is impossible: "
            "give a width of at least 1 and a depth of at least 0."
        )

    def build(key: Key[Array, ""]) -> Network:
        torso_key, head_key = jax.random.split(key)
        return Network(
            torso=chosen.build(torso_key, observation, width, depth),
            memory=None,
            head=dense(head_key, width, outputs, head_scale),
        )

    return build


def family(torso: str) -> Family:
    """Look a family up by its key; raise `Refusal` naming those that exist."""
    if torso not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise Refusal(f'There is no torso "{torso}". Choose one of: {known}.')
    return FAMILIES[torso]


def learning_rate_scale(
    width: int, depth: int, default_width: int, default_depth: int
) -> float:
    """Return the factor on the default's learning rate: ∝ 1/√width and ∝ 1/√depth.

    The width rule is that of Hilton et al. 2023 (arXiv 2301.13442, for Adam). The
    depth rule is our choice after Depth-μP, which pairs it with branches scaled by
    1/√depth (arXiv 2310.02244, recalled). No blocks and one block count alike.
    """
    return math.sqrt(default_width / width * max(default_depth, 1) / max(depth, 1))
