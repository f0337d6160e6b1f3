"""Progress: a bundle in training, between two chunks.

Holds the members' state, the counters, and the rows that are not yet stored; a commit
writes all of it or nothing.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from allometry.curves.claim import Claim
from allometry.curves.code_version import this_code
from allometry.curves.place import Place
from allometry.curves.table import CURVES, LINEAGE, SCORES, schema
from allometry.environments.environment import Environment
from allometry.studies import checkpoint, descent, final, history, seconds
from allometry.studies.evaluation.play import Stage
from allometry.studies.facts import Facts
from allometry.studies.fingerprint import Fingerprint
from allometry.studies.program import Program
from allometry.studies.schema import Study
from allometry.studies.seconds import Seconds, Stretch

#: What the names of splits end in whose scores are those of a population's members.
BY_MEMBER = " by member"
#: What a commit says of one run beside its rows, so that nobody reads them to watch.
SPENT = ("interactions", "compute", "compute_environment")


class Progress:
    """Where a bundle stands: iterations trained, checkpoints recorded, seconds."""

    def __init__(self, facts: Facts, program: Program, claim: Claim, folder: Place):
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
        self._history = history.begun(claim.manifest)
        self._metrics: dict[str, list[Any]] = {}
        self._scored: list[int] = []
        self._curves: list[dict[str, Any]] = []
        self._scores: list[pl.DataFrame] = [pl.DataFrame(schema=schema(SCORES))]
        self._lineage: list[dict[str, Any]] = []

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
        self._members = jax.block_until_ready(chunk).members
        self._spend(Stretch(iteration - self.iteration, time.monotonic() - start))
        begun, self.iteration = self.iteration, iteration
        self.nonfinite = [
            run.name
            for run, sound in zip(runs, np.asarray(chunk.finite), strict=True)
            if not sound
        ]
        self._metrics = {
            name: np.asarray(x).tolist() for name, x in chunk.metrics.items()
        }
        self._scored = np.asarray(chunk.scored).tolist()
        self._record({name: np.asarray(x) for name, x in chunk.performance.items()})
        self._record_members(
            {name: np.asarray(x) for name, x in chunk.by_member.items()}
        )
        self._record_lineage(begun)
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
        known = self._program.compiled
        # Another bundle of this program may have compiled it: then that one's counts.
        compiling = self._first.seconds - each * self._first.iterations
        known.seconds = max(known.seconds, compiling)
        if known.pieces is None and iterating < seconds.WORTH * known.seconds:
            return
        if known.pieces is None:
            known.pieces = seconds.of_pieces(self._program, self._members)
        act, learn = known.pieces
        spent = act * self.iteration, learn * self.iteration
        self._apart = seconds.apart(self.seconds, iterating, *spent)

    def test(self, study: Study, environment: Environment) -> None:
        """Take every run through the full protocol; the rows are those of the end."""
        if not final.due(study, environment):
            return
        agent, stage = self._facts.bundle.runs[0].agent, Stage()
        for number, run in enumerate(self._facts.bundle.runs):
            if run.name in self.nonfinite:
                continue
            state = _of_run(self._members, number)
            learner = self._program.trainee.learner(state, self._scored[number])
            place = run.name, self.checkpoint - 1
            scores, not_played = final.scores(
                study, environment, agent, learner, place, self._folder, stage
            )
            self._scores += scores
            for sentence in not_played:
                if sentence not in self._warnings:
                    self.warn(sentence)

    def commit(self, fingerprint: Fingerprint, *, ended: str) -> None:
        """Store the rows since the last commit with the state at which they end.

        `ended` is the status of the runs that are finite: done if they are complete.
        """
        self._claim.commit(
            curves=pl.DataFrame(self._curves, schema=schema(CURVES)),
            scores=_once(self._scores),
            lineage=pl.DataFrame(self._lineage, schema=schema(LINEAGE)),
            checkpoint=checkpoint.pack(self._members),
            metadata={
                "iteration": self.iteration,
                "checkpoint": self.checkpoint,
                "seconds": self.seconds,
                "seconds_by_part": self._apart and self._apart._asdict(),
                "chunks": [list(each) for each in self._chunks],
                "nonfinite": self.nonfinite,
                "metrics": self._metrics,
                "scored": self._scored,
                "decided_by": fingerprint.decided_by,
                "code_version": this_code(),
                "warnings": self._warnings,
                **self._told(),
            },
            status={
                run.name: "nonfinite" if run.name in self.nonfinite else ended
                for run in self._facts.bundle.runs
            },
            fingerprint=fingerprint.text,
            finished=ended == "done",
        )
        self._curves.clear()
        self._lineage.clear()
        del self._scores[1:]
        self._history = self._claim.manifest.metadata["history"]

    def _told(self) -> dict[str, Any]:
        """Say what those who watch read: how far, at what cost, and when."""
        counts, last = self._counts(), self._claim.manifest
        return {
            "planned": self._facts.interactions,
            "spent": {name: counts[name] for name in SPENT},
            "history": history.committed(self._history, last, counts),
        }

    def _spend(self, chunk: Stretch) -> None:
        """Add the seconds of a chunk; in an attempt's first one XLA compiles."""
        self.seconds += chunk.seconds
        if self._first is None:
            self._first = chunk
        else:
            self._chunks.append(chunk)

    def _record(self, performance: dict[str, np.ndarray]) -> None:
        counts = self._counts()
        for number, run in enumerate(self._facts.bundle.runs):
            reached = None
            if run.name not in self.nonfinite:
                found = {name: values[number] for name, values in performance.items()}
                reached, scores = self._program.measure.read(
                    run.name, self.checkpoint, found, self._folder
                )
                self._scores.append(scores)
            self._curves.append({"run": run.name, "performance": reached} | counts)

    def _record_members(self, by_member: dict[str, np.ndarray]) -> None:
        """Add scores of the members of each population that have not diverged."""
        for number, run in enumerate(self._facts.bundle.runs):
            if run.name in self.nonfinite or not by_member:
                continue
            for member in range(run.members):
                found = {name: each[number, member] for name, each in by_member.items()}
                if np.isfinite(list(found.values())).all():
                    place = run.name, self.checkpoint, found, self._folder
                    scores = self._program.measure.read(*place).scores
                    means = scores.filter(pl.col("task") == pl.col("split"))
                    split = pl.col("split") + BY_MEMBER
                    task = pl.lit(f"member-{member}").alias("task")
                    self._scores.append(means.with_columns(split, task))

    def _record_lineage(self, begun: int) -> None:
        """Add what came of the exploits of each population since iteration `begun`."""
        every = self._facts.iteration_interactions
        for number, run in enumerate(self._facts.bundle.runs):
            if run.population is not None:
                log = _of_run(self._members.lineage, number)
                parts = run.name, log, begun, self.iteration, every
                self._lineage += descent.rows(*parts)

    def _counts(self) -> dict[str, int | float]:
        """Count what one run has used so far: the columns that all members share."""
        interactions = self.iteration * self._facts.iteration_interactions
        costs = self._facts.costs
        run = self._facts.bundle.runs[0]
        return {
            "checkpoint": self.checkpoint,
            "interactions": interactions,
            "environment_frames": interactions,
            "updates": self.iteration * run.agent.updates() * run.members,
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


def _of_run(states: Any, number: int) -> Any:
    # By way of the host: on the device each shape would be compiled a program for.
    return jax.tree.map(lambda leaves: jnp.asarray(np.asarray(leaves)[number]), states)


def _members(
    facts: Facts, program: Program, arrays: dict[str, np.ndarray] | None
) -> Any:
    if arrays is None:
        return program.start()
    where = f"bundle {facts.bundle.name}"
    return checkpoint.unpack(program.shapes(), arrays, where)
