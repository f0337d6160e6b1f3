"""Cost: what a network weighs and what a computation takes.

Parameters are counted by part, FLOPs by XLA's own analysis of the lowered program.
Nothing is computed: arguments may be `jax.ShapeDtypeStruct`s.
"""

from collections.abc import Callable
from typing import Any

import jax

from allometry.networks.network import Network

#: FLOPs are read from the program for one fixed platform, so that they do not depend
#: on the machine at hand. On this one random bits take no loop; on a CPU they do.
PLATFORM = "tpu"


def parameters(network: Network) -> dict[str, int]:
    """Count the parameters of each part; a part without any counts 0.

    `embedding` is what first reads the observation, `torso` what reads it further,
    after the memory too. The sum is N.
    """
    embedding = count(network.torso.embedding)
    return {
        "embedding": embedding,
        "torso": count(network.torso) - embedding + count(network.look),
        "memory": count(network.memory),
        "heads": count(network.head),
    }


def flops(function: Callable[..., Any], *arguments: Any) -> float:
    """Count the FLOPs of one call of `function`, by XLA's cost analysis.

    An addition and a multiplication count one each, on integers too (drawing random
    bits is not free); exponentials and their like, which XLA counts apart, count
    nothing. The program is counted before XLA optimises it. Raises `ValueError` if
    the program has a loop: XLA counts a loop's body once, whatever its number of
    trips. Analyse the body and multiply instead.
    """
    traced = jax.jit(function).trace(*arguments)
    lowered = traced.lower(lowering_platforms=(PLATFORM,))
    if "stablehlo.while" in lowered.as_text():
        name = getattr(function, "__name__", repr(function))
        raise ValueError(
            f"`{name}` contains a loop (scan, map, while or fori_loop), and XLA's cost "
            "analysis would count its body once. Pass the body of the loop and "
            "multiply by its number of trips."
        )
    analysis = lowered.cost_analysis()
    if not isinstance(analysis, dict):  # some versions of JAX give one per program
        analysis = analysis[0]
    return float(analysis.get("flops", 0.0))


def count(part: Any) -> int:
    """Count the numbers of a part of a network."""
    return sum(leaf.size for leaf in jax.tree.leaves(part))
