"""Progress: a bundle in training, between two chunks.

Holds the members' state, the counters, and the rows that are not yet stored; a commit
writes all of it or nothing.
"""

import time
from typing import Any

import jax
import numpy as np
import polars as pl

from allometry.agents.training import Member
from allometry.curves.claim import Claim
from allometry.curves.table import CURVES, SCORES, schema
from allometry.studies import checkpoint
from allometry.studies.grid import Bundle
from allometry.studies.program import Program


class Progress:
    """Where a bundle stands: iterations trained, checkpoints recorded, seconds."""

    def __init__(self, bundle: Bundle, program: Program, members: Member):
        """Begin with `members` that have not trained."""
        self.iteration = 0
        self.checkpoint = 0
        self.seconds = 0.0
        self.nonfinite: list[str] = []
        self._bundle = bundle
        self._program = program
        self._members = members
        self._metrics: dict[str, list[float]] = {}
        self._curves: list[dict[str, Any]] = []
        self._scores: list[dict[str, Any]] = []

    @classmethod
    def resume(cls, bundle: Bundle, program: Program, claim: Claim) -> "Progress":
        """Go on from the claim's checkpoint, or begin.

        Raises `Refusal` if the checkpoint is another architecture's.
        """
        progress = cls(bundle, program, program.start())
        arrays = claim.checkpoint()
        if arrays is not None:
            where = f"bundle {bundle.name}"
            progress._members = checkpoint.unpack(progress._members, arrays, where)
            stored = claim.manifest.metadata
            progress.iteration = stored["iteration"]
            progress.checkpoint = stored["checkpoint"]
            progress.seconds = stored["seconds"]
            progress.nonfinite = list(stored["nonfinite"])
        return progress

    def advance(self, iteration: int) -> None:
        """Train up to `iteration` and record a row for every run."""
        start = time.monotonic()
        chunk = self._program.advance(
            self._members, self.iteration, iteration - self.iteration
        )
        self._members, metrics, performance, finite = jax.block_until_ready(chunk)
        self.seconds += time.monotonic() - start
        self.iteration = iteration
        for run, sound in zip(self._bundle.runs, np.asarray(finite), strict=True):
            if not sound and run.name not in self.nonfinite:
                self.nonfinite.append(run.name)
        self._metrics = {name: np.asarray(x).tolist() for name, x in metrics.items()}
        self._record({name: np.asarray(x) for name, x in performance.items()})
        self.checkpoint += 1

    def commit(self, claim: Claim, fingerprint: str, *, finished: bool) -> None:
        """Store the rows since the last commit with the state at which they end."""
        ended = "done" if finished else "running"
        claim.commit(
            curves=pl.DataFrame(self._curves, schema=schema(CURVES)),
            scores=pl.DataFrame(self._scores, schema=schema(SCORES)),
            checkpoint=checkpoint.pack(self._members),
            metadata={
                "iteration": self.iteration,
                "checkpoint": self.checkpoint,
                "seconds": self.seconds,
                "nonfinite": self.nonfinite,
                "metrics": self._metrics,
            },
            status={
                run.name: "nonfinite" if run.name in self.nonfinite else ended
                for run in self._bundle.runs
            },
            fingerprint=fingerprint,
            finished=finished,
        )
        self._curves.clear()
        self._scores.clear()

    def _record(self, performance: dict[str, np.ndarray]) -> None:
        counts = self._counts()
        for member, run in enumerate(self._bundle.runs):
            lost = run.name in self.nonfinite
            reached = None if lost else float(performance["train"][member])
            self._curves.append({"run": run.name, "performance": reached} | counts)
            if not lost:
                self._scores += [
                    self._score(run.name, split, float(values[member]))
                    for split, values in performance.items()
                ]

    def _counts(self) -> dict[str, int | float]:
        """Count what one run has used so far: the columns that all members share."""
        interactions = self.iteration * self._program.iteration_interactions
        flops = self._program.flops
        return {
            "checkpoint": self.checkpoint,
            "interactions": interactions,
            "environment_frames": interactions,
            "updates": self.iteration * self._bundle.runs[0].agent.updates(),
            "compute": interactions * (flops.act + flops.learn),
            "compute_environment": interactions * flops.environment,
            "compute_act": interactions * flops.act,
            "compute_learn": interactions * flops.learn,
            "seconds": self.seconds,
        }

    def _score(self, run: str, split: str, score: float) -> dict[str, Any]:
        return {
            "run": run,
            "checkpoint": self.checkpoint,
            "split": split,
            "task": split,
            "trial": 0,
            "k": 1,
            "repetitions": 0,
            "score": score,
            "spread": 0.0,
        }
