"""Progress: a bundle in training, between two chunks.

Holds the members' state, the counters, and the rows that are not yet stored; a commit
writes all of it or nothing.
"""

import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl

from allometry.agents.training import Member
from allometry.curves.claim import Claim
from allometry.curves.table import CURVES, SCORES, schema
from allometry.environments.environment import Environment
from allometry.studies import checkpoint, final, seconds
from allometry.studies.facts import Facts
from allometry.studies.fingerprint import Fingerprint
from allometry.studies.program import Program
from allometry.studies.schema import Study
from allometry.studies.seconds import Seconds, Stretch


class Progress:
    """Where a bundle stands: iterations trained, checkpoints recorded, seconds."""

    def __init__(self, facts: Facts, program: Program, claim: Claim, folder: Path):
        """Go on from the claim's checkpoint, or begin.

        `folder` keeps what scores are normalised by. Raises `Refusal` if the
        checkpoint is another architecture's.
        """
        arrays, stored = claim.checkpoint(), claim.manifest.metadata
        self._facts = facts
        self._program = program
        self._claim = claim
        self._folder = folder
        self._members = _members(facts, program, arrays)
        going_on = arrays is not None
        self.iteration: int = stored["iteration"] if going_on else 0
        self.checkpoint: int = stored["checkpoint"] if going_on else 0
        self.seconds: float = stored["seconds"] if going_on else 0.0
        self.nonfinite: list[str] = list(stored["nonfinite"]) if going_on else []
        self._first: Stretch | None = None
        self._chunks = [Stretch(*each) for each in stored.get("chunks", ())]
        self._apart: Seconds | None = None
        self._warnings: list[str] = list(stored.get("warnings", ()))
        self._metrics: dict[str, list[float]] = {}
        self._curves: list[dict[str, Any]] = []
        self._scores: list[pl.DataFrame] = [pl.DataFrame(schema=schema(SCORES))]

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
        self._spend(Stretch(iteration - self.iteration, time.monotonic() - start))
        self.iteration = iteration
        self.nonfinite = [
            run.name
            for run, sound in zip(runs, np.asarray(finite), strict=True)
            if not sound
        ]
        self._metrics = {name: np.asarray(x).tolist() for name, x in metrics.items()}
        self._record({name: np.asarray(x) for name, x in performance.items()})
        self.checkpoint += 1

    def account(self) -> None:
        """Tell the seconds of environment, acting and learning apart, at the end.

        They are left open where chunks do not tell how long an iteration takes, or
        where to compile the pieces would be more than a small part of the training.
        """
        each = seconds.iteration(self._chunks)
        if each is None or self._first is None:
            return
        iterating = each * self.iteration
        compiling = self._first.seconds - each * self._first.iterations
        if iterating < seconds.WORTH * compiling:
            return
        act, learn = seconds.of_pieces(self._program, self._members)
        spent = act * self.iteration, learn * self.iteration
        self._apart = seconds.apart(self.seconds, iterating, *spent)

    def test(self, study: Study, environment: Environment) -> None:
        """Take every run through the full protocol; the rows are those of the end."""
        agent = self._facts.bundle.runs[0].agent
        for member, run in enumerate(self._facts.bundle.runs):
            if run.name in self.nonfinite:
                continue
            learner = _member(self._members, member).learner
            place = run.name, self.checkpoint - 1
            scores, not_played = final.scores(
                study, environment, agent, learner, place, self._folder
            )
            self._scores += scores
            for sentence in not_played:
                if sentence not in self._warnings:
                    self.warn(sentence)

    def commit(self, fingerprint: Fingerprint, *, finished: bool) -> None:
        """Store the rows since the last commit with the state at which they end."""
        ended = "done" if finished else "running"
        self._claim.commit(
            curves=pl.DataFrame(self._curves, schema=schema(CURVES)),
            scores=_once(self._scores),
            checkpoint=checkpoint.pack(self._members),
            metadata={
                "iteration": self.iteration,
                "checkpoint": self.checkpoint,
                "seconds": self.seconds,
                "seconds_by_part": self._apart and self._apart._asdict(),
                "chunks": [list(each) for each in self._chunks],
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
        del self._scores[1:]

    def _spend(self, chunk: Stretch) -> None:
        """Add the seconds of a chunk; in an attempt's first one XLA compiles."""
        self.seconds += chunk.seconds
        if self._first is None:
            self._first = chunk
        else:
            self._chunks.append(chunk)

    def _record(self, performance: dict[str, np.ndarray]) -> None:
        counts = self._counts()
        for member, run in enumerate(self._facts.bundle.runs):
            reached = None
            if run.name not in self.nonfinite:
                found = {name: values[member] for name, values in performance.items()}
                reached, scores = self._program.measure.read(
                    run.name, self.checkpoint, found, self._folder
                )
                self._scores.append(scores)
            self._curves.append({"run": run.name, "performance": reached} | counts)

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


def _once(scores: list[pl.DataFrame]) -> pl.DataFrame:
    """Join rows; those of the full protocol stand in for the checkpoint's own.

    Both have the held-out set at training's k; the protocol's is of more tasks.
    """
    key = list(SCORES)[:6]
    return pl.concat(scores).unique(key, keep="last", maintain_order=True)


def _member(members: Member, number: int) -> Member:
    return jax.tree.map(lambda leaves: leaves[number], members)


def _members(
    facts: Facts, program: Program, arrays: dict[str, np.ndarray] | None
) -> Member:
    if arrays is None:
        return program.start()
    where = f"bundle {facts.bundle.name}"
    return checkpoint.unpack(program.shapes(), arrays, where)
