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
from allometry.studies.facts import Facts
from allometry.studies.fingerprint import Fingerprint
from allometry.studies.program import Program


class Progress:
    """Where a bundle stands: iterations trained, checkpoints recorded, seconds."""

    def __init__(self, facts: Facts, program: Program, claim: Claim):
        """Go on from the claim's checkpoint, or begin.

        Raises `Refusal` if the checkpoint is another architecture's.
        """
        arrays, stored = claim.checkpoint(), claim.manifest.metadata
        self._facts = facts
        self._program = program
        self._claim = claim
        self._members = _members(facts, program, arrays)
        going_on = arrays is not None
        self.iteration: int = stored["iteration"] if going_on else 0
        self.checkpoint: int = stored["checkpoint"] if going_on else 0
        self.seconds: float = stored["seconds"] if going_on else 0.0
        self.nonfinite: list[str] = list(stored["nonfinite"]) if going_on else []
        self._warnings: list[str] = list(stored.get("warnings", ()))
        self._metrics: dict[str, list[float]] = {}
        self._curves: list[dict[str, Any]] = []
        self._scores: list[dict[str, Any]] = []

    def warn(self, sentence: str) -> None:
        """Keep a doubt about the columns in the record, from the next commit on."""
        self._warnings.append(sentence)

    def advance(self, iteration: int) -> None:
        """Train up to `iteration` and record a row for every run."""
        start = time.monotonic()
        runs = self._facts.bundle.runs
        chunk = self._program.advance(
            self._members,
            self.iteration,
            iteration - self.iteration,
            np.array([run.name not in self.nonfinite for run in runs]),
        )
        self._members, metrics, performance, finite = jax.block_until_ready(chunk)
        self.seconds += time.monotonic() - start
        self.iteration = iteration
        self.nonfinite = [
            run.name
            for run, sound in zip(runs, np.asarray(finite), strict=True)
            if not sound
        ]
        self._metrics = {name: np.asarray(x).tolist() for name, x in metrics.items()}
        self._record({name: np.asarray(x) for name, x in performance.items()})
        self.checkpoint += 1

    def commit(self, fingerprint: Fingerprint, *, finished: bool) -> None:
        """Store the rows since the last commit with the state at which they end."""
        ended = "done" if finished else "running"
        self._claim.commit(
            curves=pl.DataFrame(self._curves, schema=schema(CURVES)),
            scores=pl.DataFrame(self._scores, schema=schema(SCORES)),
            checkpoint=checkpoint.pack(self._members),
            metadata={
                "iteration": self.iteration,
                "checkpoint": self.checkpoint,
                "seconds": self.seconds,
                "nonfinite": self.nonfinite,
                "metrics": self._metrics,
                "decided_by": fingerprint.decided_by,
                "warnings": self._warnings,
            },
            status={
                run.name: "nonfinite" if run.name in self.nonfinite else ended
                for run in self._facts.bundle.runs
            },
            fingerprint=fingerprint.text,
            finished=finished,
        )
        self._curves.clear()
        self._scores.clear()

    def _record(self, performance: dict[str, np.ndarray]) -> None:
        counts = self._counts()
        for member, run in enumerate(self._facts.bundle.runs):
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
        interactions = self.iteration * self._facts.iteration_interactions
        costs = self._facts.costs
        agent = self._facts.bundle.runs[0].agent
        return {
            "checkpoint": self.checkpoint,
            "interactions": interactions,
            "environment_frames": interactions,
            "updates": self.iteration * agent.updates(),
            "compute": interactions * (costs.act + costs.learn),
            "compute_environment": interactions * costs.environment,
            "compute_act": interactions * costs.act,
            "compute_learn": interactions * costs.learn,
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


def _members(
    facts: Facts, program: Program, arrays: dict[str, np.ndarray] | None
) -> Member:
    if arrays is None:
        return program.start()
    where = f"bundle {facts.bundle.name}"
    return checkpoint.unpack(program.shapes(), arrays, where)
