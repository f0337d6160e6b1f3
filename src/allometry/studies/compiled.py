"""Compiled: the functions of programs that are alike, compiled once for all of them.

Bundles that differ in seeds alone have the same program; there are many of them where a
grid has more seeds than go into one.
"""

from typing import Any

import jax
from jaxtyping import Array

from allometry.environments.environment import Environment
from allometry.studies.chunk import Chunk
from allometry.studies.measure import Measure
from allometry.studies.peers import Together
from allometry.studies.single import Single

#: Of a program that runs once: to compile it well takes longer than to run it.
QUICK = {"xla_backend_optimization_level": 0}
#: How many are kept. The largest bundles come first, those alike one after the other.
KEPT = 4


class Compiled:
    """How runs of a kind begin and train a chunk, and what was learnt about that."""

    def __init__(self, trainee: Single | Together):
        """Prepare the functions; each is compiled at its first call."""
        self._trainee = trainee
        self.start = jax.jit(
            jax.vmap(trainee.begin, (None, 0, 0)), compiler_options=QUICK
        )
        self.advance = jax.jit(self._traced)
        self.compilations = 0
        self.seconds = 0.0
        """What compiling the training took, where that was seen."""
        self.pieces: tuple[float, float] | None = None
        """Seconds of an iteration's acting and learning, once they were measured."""

    def _traced(
        self,
        environment: Environment,
        measure: Measure,
        members: Any,
        first: Array,
        iterations: Array,
        finite: Array,
    ) -> Chunk:
        self.compilations += 1  # runs when JAX traces, which it does once per program
        chunk = jax.vmap(self._trainee.chunk, (None, None, 0, None, None, 0))
        return chunk(environment, measure, members, first, iterations, finite)
