"""Claims: the right to commit to a bundle, until another claim comes.

A claim and a commit are the same act: create the manifest with the next version number,
which succeeds for one process only. Whoever finds the number taken, or a higher one
beside his own, has lost the bundle. Files are named by token and version, and a claim
sweeps only files of tokens up to its own, so a late writer disturbs nobody.
"""

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.curves import checkpoint as checkpoints
from allometry.curves import durable, manifest, sealed, segment
from allometry.curves import owner as owners
from allometry.curves.durable import Damaged
from allometry.curves.manifest import FileRecord, Manifest
from allometry.curves.place import Place
from allometry.curves.table import CURVES, LINEAGE, SCORES, Column
from allometry.refusal import Refusal

_OWNED = re.compile(
    r"(?:curves|scores|lineage|checkpoint)-(\d{8})-\d{8}\..*"
    r"|(?:tmp-)?manifest-(\d{8})\.json.*"
    r"|(?:tmp-)?heartbeat-(\d{8})\.json.*"
)
_ATTEMPTS = 100


class LostClaim(Refusal):
    """Another worker has claimed the bundle; nothing of this commit counts."""


class Claim:
    """A bundle's current owner: reads its checkpoint and commits to its record."""

    def __init__(self, folder: Place, history: list[Manifest]):
        """Hold what `claim` has won; `history` is newest first."""
        self._folder = folder
        self._history = history
        self._failed = 0

    @property
    def folder(self) -> Place:
        """The folder of the bundle."""
        return self._folder

    @property
    def manifest(self) -> Manifest:
        """The state after the last commit of this claim, or of the claim itself."""
        return self._history[0]

    def checkpoint(self) -> dict[str, np.ndarray] | None:
        """Read the checkpoint at which the recorded rows end; None before the first.

        The claim has already fallen back to the newest one that is sound. Raises
        LostClaim if another claim came between, Damaged if the file is not sound.
        """
        record = self.manifest.checkpoint
        if record is None:
            return None
        try:
            return checkpoints.read(self._folder, record)
        except Damaged:
            self._check_held()  # a later owner may have swept it
            raise

    def lost(self) -> LostClaim:
        """Say that another worker has claimed the bundle, and which."""
        other = "another process"
        with contextlib.suppress(Refusal):
            newest = manifest.newest(self._folder)
            other = owners.told({} if newest is None else newest.owner)
        return LostClaim(
            f"Bundle {self.manifest.bundle} in {self._folder} was taken over by "
            f"{other}, so this worker leaves it. Nothing on record is lost: the other "
            "goes on from the last commit."
        )

    def tidy(self) -> None:
        """Remove what the record does not name and no later claim can own."""
        sweep(self._folder, self._history)

    def commit(
        self,
        *,
        curves: pl.DataFrame | None,
        scores: pl.DataFrame | None,
        checkpoint: Mapping[str, np.ndarray] | None,
        metadata: Mapping[str, Any],
        status: Mapping[str, str],
        fingerprint: str,
        finished: bool,
        lineage: pl.DataFrame | None = None,
    ) -> None:
        """Add rows and move on to a new checkpoint, all or nothing.

        `status` changes the runs that it names; `metadata` is JSON, where a number that
        is not finite becomes null. Without `checkpoint` the one before stays, so rows
        need one too unless the bundle is `finished`. Raises LostClaim if another claim
        came between, a Refusal if the disk is full (the commit may be repeated), and
        ValueError for rows, runs or statuses that do not belong here.
        """
        last = self.manifest
        manifest.check_status(status, tuple(last.status))
        tables = {
            "curves": self._rows(curves, CURVES, ["run", "checkpoint"]),
            "scores": self._rows(scores, SCORES, list(SCORES)[:6]),
            "lineage": self._rows(lineage, LINEAGE, list(LINEAGE)[:3]),
        }
        if checkpoint is None and not finished and any(tables.values()):
            raise ValueError("rows without the checkpoint at which they end")
        self._check_held()
        files = self._write(last, tables, checkpoint)
        self._commit(
            last.model_copy(
                update=files
                | {
                    "version": last.version + 1,
                    "metadata": dict(metadata),
                    "status": {**last.status, **status},
                    "fingerprint": fingerprint,
                    "finished": finished,
                }
            )
        )

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Put rows that were compacted back, in the place of the segments named.

        `tables` are all rows of the bundle, by table. Raises LostClaim if another
        claim came between.
        """
        last = self.manifest
        bare = last.model_copy(update=dict.fromkeys(tables, ()))
        frames = {
            name: [] if frame.is_empty() else [frame] for name, frame in tables.items()
        }
        self._check_held()
        files = dict.fromkeys(tables, ()) | self._write(bare, frames, None)
        update = files | {"version": last.version + 1}
        self._commit(last.model_copy(update=update))

    def _rows(
        self, frame: pl.DataFrame | None, columns: dict[str, Column], key: list[str]
    ) -> list[pl.DataFrame]:
        if frame is None or frame.is_empty():
            return []
        frame = segment.conform(frame, columns)
        strange = set(frame["run"]) - set(self.manifest.status)
        if strange:
            raise ValueError(f"rows of runs outside the bundle: {sorted(strange)}")
        if frame.select(key).is_duplicated().any():
            raise ValueError(f"two rows with the same {', '.join(key)}")
        return [frame]

    def _write(
        self,
        last: Manifest,
        tables: Mapping[str, list[pl.DataFrame]],
        checkpoint: Mapping[str, np.ndarray] | None,
    ) -> dict[str, Any]:
        """Write the files of one commit after `last`; take all back if one fails.

        A commit that is repeated writes other names: a put to a bucket whose answer was
        lost may be done late, and must not replace what came after it.
        """
        number = f"{last.token:08d}-{last.version + 1 + self._failed:08d}"
        written: list[FileRecord] = []
        files: dict[str, Any] = {}

        def put(table: str) -> None:
            if table == "checkpoint":
                assert checkpoint is not None
                name = f"checkpoint-{number}.safetensors"
                record = checkpoints.write(self._folder, name, checkpoint)
                written.append(record)
                files[table] = record
                return
            for frame in tables[table]:
                name = f"{table}-{number}.parquet"
                record = segment.write(self._folder, name, frame)
                written.append(record)
                files[table] = (*getattr(last, table), record)

        wanted = [*tables] if checkpoint is None else [*tables, "checkpoint"]
        try:
            list(durable.each(self._folder, put, wanted))
            if written:
                durable.sync_folder(self._folder)
        except BaseException:
            self._failed += 1
            self._discard(written)
            raise
        durable.reached("files written")
        return files

    def _commit(self, state: Manifest) -> None:
        path = manifest.path_of(self._folder, state.version)
        written = [file for file in state.files if file not in self.manifest.files]
        try:
            won = sealed.create(path, state)
        except BaseException:
            self._failed += 1
            if durable.is_surely_absent(path):
                self._discard(written)
            raise
        if not won:
            self._discard(written)
            raise self.lost()
        # A late writer may have filled a number that was swept since: see who leads.
        if manifest.versions(self._folder)[:1] != [state.version]:
            raise self.lost()
        self._history = manifest.kept([state, *self._history])
        sweep(self._folder, self._history)

    def _check_held(self) -> None:
        if manifest.versions(self._folder)[:1] != [self.manifest.version]:
            raise self.lost()

    def _discard(self, written: list[FileRecord]) -> None:
        for record in written:
            durable.remove(self._folder / record.name)


def claim(
    folder: Place,
    runs: tuple[str, ...],
    owner: Mapping[str, Any],
    seen: int | None = None,
) -> Claim:
    """Claim the bundle in `folder` for `owner`, whoever held it before.

    Goes on from the newest state whose files are all sound, and tells in the
    manifest's `warnings` what was not. With `seen`, the newest version that the caller
    knows of (0: none), raises LostClaim if there is a newer one. Raises Damaged if no
    state is left.
    """
    durable.make_folder(folder)
    for _ in range(_ATTEMPTS):
        found = manifest.versions(folder)
        if seen is not None and (found or [0])[0] != seen:
            break
        try:
            history, damage = _sound(folder, found)
        except FileNotFoundError:  # the owner before has just swept it
            continue
        if damage and not history and not manifest.nothing_to_lose(found):
            if manifest.versions(folder) != found:
                continue  # not damaged, but swept by the owner before
            raise damage[0]
        version = found[0] + 1 if found else 1
        state = _claimed(history, folder.name, runs, owner, version, damage)
        path = manifest.path_of(folder, version)
        if sealed.create(path, state):
            # The number may be one that was used and swept since it was looked up.
            if manifest.versions(folder)[:1] != [version]:
                continue
            history = manifest.kept([state, *history])
            sweep(folder, history)
            return Claim(folder, history)
    raise LostClaim(
        f"Bundle {folder.name} in {folder} has just been claimed or committed to by "
        "another worker. Leave it to that one, or try again."
    )


def fence(folder: Place) -> Manifest | None:
    """Shut out whoever holds a claim of a finished bundle, and change nothing else.

    Gives the manifest that does it; None if another came first, or it goes on.
    """
    found = manifest.versions(folder)  # before the state: what comes between wins
    state = manifest.newest(folder)
    if not found or state is None or not state.finished:
        return None
    version = found[0] + 1
    fenced = state.model_copy(update={"version": version, "token": version})
    path = manifest.path_of(folder, version)
    if not sealed.create(path, fenced):
        return None
    # The number may be one that was used and swept since it was looked up.
    return fenced if manifest.versions(folder)[:1] == [version] else None


def sweep(folder: Place, history: list[Manifest]) -> None:
    """Remove what the manifests in `history` (newest first) do not name.

    Leaves alone what may belong to a later claim. What cannot be removed stays: the
    commit before has succeeded, and nothing names it.
    """
    named = {record.name for state in history for record in state.files}
    named |= {manifest.path_of(folder, state.version).name for state in history}
    newest = history[0]
    ended = newest.token if newest.finished else newest.token - 1

    def swept(name: str) -> None:
        match = _OWNED.fullmatch(name)
        if match is None or name in named:
            return
        written, version, beating = (int(number or 0) for number in match.groups())
        if written > newest.token or version > newest.version or beating > ended:
            return
        durable.remove(folder / name)
        durable.reached("swept")

    for _ in durable.each(folder, swept, sorted(durable.names(folder))):
        pass


def _sound(folder: Place, found: list[int]) -> tuple[list[Manifest], list[Damaged]]:
    """Read the manifests that can be gone on from, newest first, and the damage met.

    A finished bundle is taken as it is: its record is not cut for a lost checkpoint.
    """
    history: list[Manifest] = []
    damage: list[Damaged] = []
    for version in found:
        try:
            state = manifest.load(folder, version)
        except Damaged as error:
            damage.append(error)
            continue
        broken = None if history or state.finished else state.damage(folder)
        if broken is None:
            history.append(state)
        else:
            damage.append(broken)
    return history, damage


def _claimed(
    history: list[Manifest],
    bundle: str,
    runs: tuple[str, ...],
    owner: Mapping[str, Any],
    version: int,
    damage: list[Damaged],
) -> Manifest:
    if history:
        base = history[0]
    else:
        status = dict.fromkeys(runs, "queued")
        base = Manifest(bundle=bundle, version=0, token=0, attempts=0, status=status)
    told = [f"{error.path.name} {error.reason}" for error in damage]
    warnings = [f"before attempt {base.attempts + 1}: {line}" for line in told]
    started = {
        run: "running" if value in ("queued", "preempted") else value
        for run, value in base.status.items()
    }
    return base.model_copy(
        update={
            "version": version,
            "token": version,
            "attempts": base.attempts + 1,
            "owner": dict(owner),
            "status": started,
            "warnings": (*base.warnings, *dict.fromkeys(warnings)),
        }
    )
