"""The store: a study's record, readable at any time and safe from crashes.

It is a folder on a disk, or one in a bucket of an object store (`s3://bucket/study`).

    study.json               the study as resolved, and the name of its table of runs
    runs-<hash>.parquet      what is known of the runs before they start
    bundles/<bundle>/        manifests, segments, checkpoints of one bundle, and the
                             heartbeat of the worker that holds it
    compacted/               records of finished bundles, folded into tables
    fit.json, report.html    derived from the record; may be deleted

A row is in the record once `Claim.commit` has returned, and from then on for good.
"""

import dataclasses
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

import numpy as np
import polars as pl
import pydantic

from allometry.curves import checkpoint as checkpoints
from allometry.curves import code_version, compacted, durable, manifest, sealed, segment
from allometry.curves.claim import Claim, claim
from allometry.curves.compacted import DYNAMIC, View
from allometry.curves.durable import Damaged
from allometry.curves.lease import Heartbeat, heartbeat
from allometry.curves.manifest import FileRecord, Manifest
from allometry.curves.place import Place, Remote, place
from allometry.curves.table import CURVES, RUNS, SCORES
from allometry.refusal import Refusal

STUDY = "study.json"
#: Where a study of trials keeps the picture of an episode.
FILM = PurePosixPath("pictures") / "adaptation.png"
STATIC = {name: column for name, column in RUNS.items() if name not in DYNAMIC}

_LEFT = re.compile(
    r"runs-[0-9a-f]{16}\.parquet|tmp-(runs-[0-9a-f]{16}\.parquet|study\.json)-[0-9a-f]+"
)
_OWN = re.compile(r"study\.json|bundles|compacted|lock|runs-.*|tmp-.*")
Found = TypeVar("Found")


class StudyRecord(pydantic.BaseModel):
    """What `study.json` holds."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    kind: Literal["allometry store"] = "allometry store"
    study: dict[str, Any]
    runs: FileRecord


@dataclasses.dataclass(frozen=True, eq=False)
class Store:
    """An open store. `plan` is the static part of `runs`, in the study's order."""

    path: Place
    study: dict[str, Any]
    plan: pl.DataFrame = dataclasses.field(repr=False)

    @property
    def bundles(self) -> tuple[str, ...]:
        """Names of the bundles, in the order of the study."""
        return tuple(self.plan["bundle"].unique(maintain_order=True))

    def claim(
        self, bundle: str, owner: Mapping[str, Any], seen: int | None = None
    ) -> Claim:
        """Become the one worker that may commit to `bundle`.

        `owner` is recorded (JSON). With `seen`, a `version`, raises LostClaim if the
        bundle has been claimed or committed to since. What was compacted is put back
        beside the bundle's own record. Raises Damaged if the record cannot be gone on
        from.
        """
        runs = self.plan.filter(pl.col("bundle") == bundle)["run"]
        if runs.is_empty():
            raise ValueError(f"no bundle {bundle!r} in {self.path}")
        view = compacted.look(self.path)
        if bundle in view.covered:
            view.reopen(bundle)
        won = claim(self._folder(bundle), tuple(runs), owner, seen)
        self._steady(lambda view: _put_back(view, bundle, won))
        return won

    def version(self, bundle: str) -> int:
        """Number the claims and commits of `bundle` so far; 0 before the first."""
        return next(iter(manifest.versions(self._folder(bundle))), 0)

    def heartbeat(self, bundle: str, token: int) -> Heartbeat | None:
        """Read the last sign of life of the claim `token`; None if there is none."""
        return heartbeat(self._folder(bundle), token)

    def manifest(self, bundle: str) -> Manifest | None:
        """Read the newest sound manifest of `bundle`; None if it was never claimed."""
        return self._steady(lambda view: view.own(bundle) or view.folded(bundle))

    def finished(self) -> frozenset[str]:
        """Name the bundles of which nothing is left to train."""

        def found(view: View) -> frozenset[str]:
            alone = view.alone(self.bundles)
            manifests = durable.each(self.path, view.own, alone)
            states = dict(zip(alone, manifests, strict=True))
            gone_on = {bundle for bundle, state in states.items() if state is not None}
            own = {bundle for bundle in gone_on if _ended(states[bundle])}
            return frozenset(own | (set(view.covered) - gone_on))

        return self._steady(found)

    def progress(self, bundle: str) -> dict[str, Any]:
        """Read the metadata of the newest commit; empty before the first."""
        state = self.manifest(bundle)
        return {} if state is None else dict(state.metadata)

    def checkpoint(self, bundle: str) -> dict[str, np.ndarray] | None:
        """Read the checkpoint of the newest commit of `bundle`.

        None before the first, and where it was dropped by a compaction. Raises Damaged
        if the file is not sound.
        """

        def found(view: View) -> dict[str, np.ndarray] | None:
            state = view.own(bundle) or view.folded(bundle)
            if state is None or state.checkpoint is None:
                return None
            return checkpoints.read(self._folder(bundle), state.checkpoint)

        return self._steady(found)

    def runs(self) -> pl.DataFrame:
        """Read the table of runs with the study's covariates, sorted by run."""
        known = self._steady(self._known)
        joined = self.plan.join(known, on=["run", "bundle"], how="left").with_columns(
            pl.col("status").fill_null("queued"), pl.col("attempts").fill_null(0)
        )
        covariates = [name for name in self.plan.columns if name not in RUNS]
        return compacted.in_order(joined.select(*RUNS, *covariates), ["run"])

    def curves(self) -> pl.DataFrame:
        """Read the learning curves, sorted by run and checkpoint."""
        return self._read("curves")

    def scores(self) -> pl.DataFrame:
        """Read the scores, sorted by run, checkpoint, split, task, trial and k."""
        return self._read("scores")

    def lineage(self) -> pl.DataFrame:
        """Read who copied whom in populations, sorted by run, interactions, member."""
        return self._read("lineage")

    def table(self) -> pl.DataFrame:
        """Read the curves with the columns of their runs beside: what laws take."""
        joined = self.curves().join(self.runs(), on="run", how="left")
        return compacted.in_order(joined, ["run", "checkpoint"])

    def doubts(self, bundles: Sequence[str]) -> tuple[str, ...]:
        """Say what was damaged or changed on the way to these bundles' columns."""
        said: list[str] = []
        view = compacted.look(self.path)
        sound = set(view.covered) - view.doubtful - set(view.alone(bundles))
        doubted = [bundle for bundle in bundles if bundle not in sound]
        states = durable.each(self.path, self.manifest, doubted)
        for bundle, state in zip(doubted, states, strict=True):
            if state is not None:
                said += [f"Bundle {bundle}, {damage}." for damage in state.warnings]
                said += state.metadata.get("warnings", ())
        return tuple(said)

    def code_versions(self, bundles: Sequence[str]) -> tuple[str, ...]:
        """Say which Allometry trained these bundles; one that did several, once."""
        states = durable.each(self.path, self.manifest, bundles)
        said: list[str] = []
        for state in states:
            said += [] if state is None else code_version.told_of_bundle(state)
        return tuple(dict.fromkeys(said))

    def write_text(self, name: str, text: str) -> Place:
        """Write a file derived from the record, in the place of the one before."""
        manifest.refuse_names([name], "file")
        if _OWN.fullmatch(name):
            raise ValueError(f"{name} belongs to the store")
        path = self.path / name
        durable.replace(path, text.encode())
        return path

    def retold(self, study: Mapping[str, Any]) -> "Store":
        """Put `study`, of the same runs, in the place of what is recorded."""
        record = sealed.unseal(self.path / STUDY, StudyRecord)
        told = record.model_copy(update={"study": dict(study)})
        durable.replace(self.path / STUDY, sealed.seal(told))
        return dataclasses.replace(self, study=dict(study))

    def _folder(self, bundle: str) -> Place:
        return self.path / "bundles" / bundle

    def _steady(self, read: Callable[[View], Found]) -> Found:
        """Read in a view of the store; again if a compaction took files away since."""
        while True:
            view = compacted.look(self.path)
            try:
                return read(view)
            except Damaged:
                if compacted.look(self.path).number == view.number:
                    raise

    def _known(self, view: View) -> pl.DataFrame:
        """Read what manifests tell of runs."""
        rows: list[tuple[Any, ...]] = []
        for state in durable.each(self.path, view.own, view.alone(self.bundles)):
            if state is not None:
                rows += compacted.told_of_runs(state)
        wanted = compacted.SCHEMAS["runs"]
        own = pl.DataFrame(rows, schema=wanted, orient="row")
        return pl.concat([view.rows("runs", own["run"].to_list()), own])

    def _read(self, table: str) -> pl.DataFrame:
        found = self._steady(lambda view: self._rows(view, table))
        return compacted.in_order(found, compacted.KEYS[table])

    def _rows(self, view: View, table: str) -> pl.DataFrame:
        """Read a table: segments of bundles on their own, and what is compacted."""
        frames: list[pl.DataFrame] = []
        gone_on: list[str] = []

        def found(bundle: str) -> tuple[Manifest | None, list[pl.DataFrame]]:
            state = view.own(bundle)
            return state, self._segments(state, table)

        for state, own in durable.each(self.path, found, view.alone(self.bundles)):
            if state is not None:
                gone_on += state.status
                frames += own
        return pl.concat([view.rows(table, gone_on), *frames])

    def _segments(self, state: Manifest | None, table: str) -> list[pl.DataFrame]:
        wanted = compacted.SCHEMAS[table]
        while state is not None:
            folder = self._folder(state.bundle)
            files: tuple[FileRecord, ...] = getattr(state, table)
            try:
                return [segment.read(folder, file, wanted) for file in files]
            except Damaged:
                # A claim that fell back may have swept it: then there is a newer state.
                before, state = state, manifest.newest(folder)
                if state is None or state.version == before.version:
                    raise
        return []


def create(path: str | Place, study: Mapping[str, Any], runs: pl.DataFrame) -> Store:
    """Make a store for `study` (JSON) at `path`, which must not exist or be empty.

    `runs` has the columns of `table.RUNS` but for what the manifests fill in
    (`DYNAMIC`), and the study's covariates. Raises a Refusal for a folder in use and
    for names that cannot be those of files, ValueError for columns that do not fit.
    """
    path = place(path)
    plan = _plan(runs)
    _refuse_used(path)
    durable.make_folder(path)
    if isinstance(path, Remote):
        _refuse_unconditional(path)
    data = segment.encode(plan)
    name = f"runs-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
    # Named by its content: what is there, another process has put there for this store.
    durable.create_if_absent(path / name, data)
    record = StudyRecord(study=dict(study), runs=FileRecord.of(name, data))
    if not sealed.create(path / STUDY, record):
        raise Refusal(f"{path} has just become the store of another process.")
    _sweep(path)
    return open_store(path)


def open_store(path: str | Place) -> Store:
    """Open the store at `path`: a path, or a URL such as `s3://bucket/study`.

    Raises a Refusal if there is none, it is damaged, or a newer Allometry wrote it.
    """
    path = place(path)
    if isinstance(path, Path):
        _refuse_none(path)
    remedy = "Restore it from a copy, or run the study again in another folder."
    try:
        record = sealed.unseal(path / STUDY, StudyRecord, remedy)
    except FileNotFoundError as error:
        _refuse_none(path)
        raise Refusal(
            f"{path} is not the folder of a study: it has no {STUDY}. Name a folder "
            "that `allometry run` has made."
        ) from error
    plan = segment.read(path, record.runs, None, remedy)
    try:
        return Store(path, record.study, _plan(plan))
    except ValueError as error:
        reason = f"is no table of runs ({error})"
        raise Damaged(path / record.runs.name, reason, remedy) from error


def _refuse_none(path: Place) -> None:
    """Refuse what is no folder, or an empty one."""
    if not durable.is_folder(path):
        what = "is a file" if durable.exists(path) else "does not exist"
        raise Refusal(
            f"{path} {what}: name the folder of a study, which `allometry run` makes."
        )
    if not _names(path):
        raise Refusal(
            f"{path} is empty: name the folder of a study, which `allometry run` makes."
        )


def _put_back(view: View, bundle: str, won: Claim) -> None:
    """Put compacted rows back whose segments a claim still names."""
    folded = view.folded(bundle)
    if folded is None or not won.manifest.has_rows_of(folded):
        return
    view.reopen(bundle)
    rows = view.rows_of(tuple(folded.status))
    if any(frame.height for frame in rows.values()):
        won.restore(rows)


def _ended(state: Manifest | None) -> bool:
    return state is not None and state.finished


def _plan(runs: pl.DataFrame) -> pl.DataFrame:
    """Check the static part of `runs`; covariates come last."""
    covariates = [name for name in runs.columns if name not in STATIC]
    taken = sorted(set(covariates) & ({*CURVES, *SCORES, *RUNS}))
    if taken:
        raise ValueError(f"covariates with the names of columns: {', '.join(taken)}")
    nested = [name for name in covariates if runs[name].dtype.is_nested()]
    if nested:
        raise ValueError(f"covariates that are not plain values: {', '.join(nested)}")
    static = segment.conform(runs.drop(covariates), STATIC)
    if static["run"].is_duplicated().any() or static["bundle"].null_count():
        raise ValueError("runs without a bundle, or two of one name")
    manifest.refuse_names(static["run"].to_list(), "run")
    manifest.refuse_names(static["bundle"].unique().to_list(), "bundle")
    return pl.concat([static, runs.select(covariates)], how="horizontal")


def _refuse_used(path: Place) -> None:
    """Refuse a folder in use; what a `create` that was killed left may be there."""
    there = durable.is_folder(path)
    if not there and durable.exists(path):
        raise Refusal(f"{path} is a file: choose a folder for the study.")
    names = _names(path) if there else []
    if STUDY in names:
        raise Refusal(
            f"{path} holds a study already: choose another folder, or run the command "
            "that made it to go on with it."
        )
    if not all(_LEFT.fullmatch(name) for name in names):
        raise Refusal(
            f"{path} is not empty and holds no study: choose a new or empty folder. "
            "Nothing in it was changed."
        )


def _sweep(path: Place) -> None:
    """Remove what others staged to make this store: killed, or too late by now."""
    if isinstance(path, Path):  # in a bucket nothing is staged
        for name in _names(path):
            if name.startswith("tmp-") and _LEFT.fullmatch(name):
                durable.remove(path / name)


def _refuse_unconditional(path: Remote) -> None:
    """Refuse a server that ignores the condition of a put.

    Asked with a name of its own, before there is a store that anyone could open.
    """
    asked = path / f"tmp-{STUDY}-{secrets.token_hex(4)}"
    durable.create_if_absent(asked, b"first")
    ignored = durable.create_if_absent(asked, b"second")
    durable.remove(asked)
    if ignored:
        raise Refusal(
            f"The server of {path.bucket} ignores the condition of a put (If-None-Match"
            "), on which a store relies: two workers could overwrite each other. Take "
            "another server, or a newer version of it."
        )


def _names(path: Place) -> list[str]:
    if not isinstance(path, Path):
        return durable.names(path)
    try:
        return os.listdir(path)
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}). Check its permissions."
        ) from error
