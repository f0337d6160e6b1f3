"""Manifests: what a bundle's record is, one numbered and immutable file per commit.

`bundles/<bundle>/manifest-00000007.json` names every file that belongs to the record,
with size and SHA-256. What the newest sound manifest does not name does not exist. The
fencing token of a claim is the version of the manifest that made it, so a later claim
always has a higher one, whatever happened to the files between.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from allometry.curves import durable, sealed
from allometry.curves.durable import Damaged
from allometry.curves.place import Place
from allometry.refusal import Refusal

#: States kept for a claim to fall back to, and newest manifests kept in any case.
KEPT = 3
STATUSES = ("queued", "running", "preempted", "done", "nonfinite", "failed")

_NAME = re.compile(r"manifest-(\d{8})\.json")
_LISTINGS = 100


class FileRecord(BaseModel):
    """A file in the manifest's own folder: plain name, bytes, SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[
        str,
        Field(
            pattern=r"^((curves|scores|lineage)-\d{8}-\d{8}\.parquet"
            r"|checkpoint-\d{8}-\d{8}\.safetensors|runs-[0-9a-f]{16}\.parquet"
            r"|(bundles|manifests|runs|curves|scores|lineage)-\d{8}-[0-9a-f]{8}-\d{4}"
            r"\.parquet)$"
        ),
    ]
    size: NonNegativeInt
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @staticmethod
    def of(name: str, data: bytes) -> "FileRecord":
        """Describe a file with these bytes."""
        return FileRecord(
            name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()
        )

    def read(self, folder: Place, remedy: str = "") -> bytes:
        """Read the file; raises Damaged if it is missing or differs."""
        path = folder / self.name
        try:
            data = durable.read(path, self.size)
        except FileNotFoundError as error:
            raise Damaged(path, "is missing", remedy) from error
        if len(data) != self.size:
            reason = f"is damaged: it has {len(data)} bytes instead of {self.size}"
            raise Damaged(path, reason, remedy)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise Damaged(path, "is damaged: its SHA-256 does not match", remedy)
        return data


class Manifest(BaseModel):
    """The state of a bundle after a commit.

    `token` is the version at which its writer claimed the bundle, `attempts` counts
    claims. `curves`, `scores`, `lineage` and `checkpoint` belong together: the rows end
    where the checkpoint stands. `warnings` tell of damage that earlier claims met.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    bundle: str
    version: NonNegativeInt
    token: NonNegativeInt
    attempts: NonNegativeInt
    owner: Mapping[str, Any] = {}
    status: Mapping[str, str]
    fingerprint: str | None = None
    finished: bool = False
    curves: tuple[FileRecord, ...] = ()
    scores: tuple[FileRecord, ...] = ()
    lineage: tuple[FileRecord, ...] = ()
    checkpoint: FileRecord | None = None
    metadata: Mapping[str, Any] = {}
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Everything that the manifest names."""
        checkpoint = () if self.checkpoint is None else (self.checkpoint,)
        return self.curves + self.scores + self.lineage + checkpoint

    def has_rows_of(self, other: "Manifest") -> bool:
        """Say whether both name the same segments, and so hold the same rows."""
        mine = (self.curves, self.scores, self.lineage)
        return mine == (other.curves, other.scores, other.lineage)

    def damage(self, folder: Place) -> Damaged | None:
        """Find the first file named here that is missing or differs."""
        for record in self.files:
            try:
                record.read(folder)
            except Damaged as damaged:
                return damaged
        return None


def path_of(folder: Place, version: PositiveInt) -> Place:
    """Give the path of a manifest."""
    return folder / f"manifest-{version:08d}.json"


def versions(folder: Place) -> list[int]:
    """List the manifests of a bundle, newest first; none if it was never claimed."""
    found = (_NAME.fullmatch(name) for name in durable.names(folder))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def load(folder: Place, version: int) -> Manifest:
    """Read one manifest; raises FileNotFoundError or Damaged."""
    path = path_of(folder, version)
    manifest = sealed.unseal(path, Manifest)
    if (manifest.bundle, manifest.version) != (folder.name, version):
        raise Damaged(
            path,
            f"is out of place: it is version {manifest.version} "
            f"of bundle {manifest.bundle!r}",
        )
    return manifest


def newest(folder: Place) -> Manifest | None:
    """Read the newest manifest that is sound; None if nothing was ever committed.

    Raises Damaged if there are manifests with records and none is sound.
    """
    for _ in range(_LISTINGS):
        damaged = None
        found = versions(folder)
        try:
            for version in found:
                try:
                    return load(folder, version)
                except Damaged as error:
                    damaged = damaged or error
        except FileNotFoundError:  # swept since it was listed: look again
            continue
        if damaged is None or nothing_to_lose(found):
            return None
        raise damaged
    raise Damaged(folder, "lists manifests that cannot be opened")


def nothing_to_lose(found: list[int]) -> bool:
    """Say whether there is at most the first claim, which holds no record yet."""
    return found in ([], [1])


def kept(history: list[Manifest]) -> list[Manifest]:
    """Choose the manifests to keep from `history`, newest first.

    The newest three, and for each of the three newest states (a claim repeats the
    state that it found) the newest manifest that names it.
    """
    states: list[tuple[FileRecord, ...]] = []
    chosen = []
    for index, manifest in enumerate(history):
        new = manifest.files not in states and len(states) < KEPT
        if new:
            states.append(manifest.files)
        if new or index < KEPT:
            chosen.append(manifest)
    return chosen


def check_status(status: Mapping[str, str], runs: tuple[str, ...]) -> None:
    """Raise ValueError unless `status` gives known runs a known status."""
    for run, value in status.items():
        if run not in runs or value not in STATUSES:
            raise ValueError(f"status {value!r} of run {run!r}: not one of {STATUSES}")


def refuse_names(names: list[str], what: str) -> None:
    """Raise a Refusal unless every name can be that of a file."""
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
            raise Refusal(
                f"The {what} name {name!r} cannot be used: take letters, digits, "
                "'.', '_' and '-', and no '.' at the start."
            )
