"""Compacted bundles: the record of finished bundles, in tables of the whole store.

    compacted/record-00000003.json   a compaction: names its tables, with checksums
    compacted/curves-….parquet       rows of all the bundles that it covers, sorted;
                                     scores-…, lineage-… likewise
    compacted/runs-….parquet         what manifests tell of the runs
    compacted/bundles-….parquet      what is covered: bundles, and the manifests'
    compacted/manifests-….parquet    versions; the manifests themselves
    compacted/reopened/<bundle>      was claimed again since: its own record decides

What a bundle's own record holds at the version that is covered, the tables hold too.
So a reader takes either, and a bundle's own record once it has gone on. A claim of a
covered bundle leaves its name in `reopened` before anything else, which spares readers
from looking into every bundle's folder. As long as a compaction is not *settled* they
do look: it has not yet made sure that no bundle went on while it was made.
"""

import dataclasses
import functools
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import polars as pl
import pydantic

from allometry.curves import durable, manifest, sealed, segment
from allometry.curves.durable import Damaged
from allometry.curves.manifest import FileRecord, Manifest
from allometry.curves.place import Place
from allometry.curves.table import CURVES, LINEAGE, RUNS, SCORES, SECONDS, schema

#: Columns of `runs` that the manifests fill in.
DYNAMIC = ("status", "fingerprint", "attempts", *SECONDS)
_RUNS = schema({name: RUNS[name] for name in ("run", "bundle", *DYNAMIC)})
_BUNDLES = {
    "bundle": pl.String(),
    "version": pl.Int64(),
    "doubtful": pl.Boolean(),
    "dropped": pl.Boolean(),
}
#: Columns of each table.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "bundles": pl.Schema(_BUNDLES),
    "manifests": pl.Schema({"bundle": pl.String(), "manifest": pl.String()}),
    "runs": _RUNS,
    "curves": schema(CURVES),
    "scores": schema(SCORES),
    "lineage": schema(LINEAGE),
}
#: Columns that tell the rows of a table apart, by which they are sorted.
KEYS: Mapping[str, list[str]] = {
    "bundles": ["bundle"],
    "manifests": ["bundle"],
    "runs": ["run"],
    "curves": ["run", "checkpoint"],
    "scores": list(SCORES)[:6],
    "lineage": list(LINEAGE)[:3],
}
#: Tables of rows that segments hold before.
ROWS = ("curves", "scores", "lineage")

_NAME = re.compile(r"record-(\d{8})\.json")
_LISTINGS = 100
_REMEDY = "Restore it from a copy of the store."


class Compaction(pydantic.BaseModel):
    """What a record of a compaction holds: the files of each table, in order."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    kind: Literal["allometry compaction"] = "allometry compaction"
    number: pydantic.PositiveInt
    settled: bool
    bundles: tuple[FileRecord, ...] = ()
    manifests: tuple[FileRecord, ...] = ()
    runs: tuple[FileRecord, ...] = ()
    curves: tuple[FileRecord, ...] = ()
    scores: tuple[FileRecord, ...] = ()
    lineage: tuple[FileRecord, ...] = ()

    def files(self, table: str) -> tuple[FileRecord, ...]:
        """Give the files of a table."""
        found: tuple[FileRecord, ...] = getattr(self, table)
        return found

    @property
    def all_files(self) -> tuple[FileRecord, ...]:
        """Everything that the record names."""
        return tuple(file for table in SCHEMAS for file in self.files(table))


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """A store's bundles as one reader sees them: compacted, on their own, or both.

    `record` is the newest compaction, None before the first; `reopened` are the bundles
    that were claimed since they were compacted.
    """

    path: Place
    record: Compaction | None
    reopened: frozenset[str]

    @property
    def folder(self) -> Place:
        """Where compactions are."""
        return self.path / "compacted"

    @property
    def number(self) -> int:
        """Number of the compaction; 0 before the first."""
        return 0 if self.record is None else self.record.number

    @property
    def covered(self) -> Mapping[str, int]:
        """Bundles that are compacted, with the version of the manifest folded."""
        return {} if self._all is None else self._all.versions

    @property
    def dropped(self) -> frozenset[str]:
        """Bundles that are compacted and whose checkpoints were dropped."""
        return frozenset() if self._all is None else self._all.dropped

    @property
    def doubtful(self) -> frozenset[str]:
        """Bundles that are compacted and whose record tells of doubts."""
        return frozenset() if self._all is None else self._all.doubtful

    def alone(self, bundles: Collection[str]) -> list[str]:
        """Leave out the bundles that need not be looked into."""
        if self.record is None or not self.record.settled:
            return list(bundles)
        covered = self.covered
        return [
            name for name in bundles if name not in covered or name in self.reopened
        ]

    def own(self, bundle: str) -> Manifest | None:
        """Read the bundle's own newest state, unless what is compacted is as new.

        None as well if it was never claimed. Raises Damaged like `manifest.newest`.
        """
        version = self.covered.get(bundle)
        folder = self.path / "bundles" / bundle
        if version is None:
            return manifest.newest(folder)
        if not self.alone([bundle]) or manifest.versions(folder)[:1] == [version]:
            return None
        state = manifest.newest(folder)
        if state is None or state.version <= version:
            return None
        folded = self.folded(bundle)
        assert folded is not None
        # A claim that was killed before it could put the rows back: nothing is new.
        return None if state.has_rows_of(folded) else state

    def folded(self, bundle: str) -> Manifest | None:
        """Give the manifest that was compacted; None if the bundle is not covered.

        It names the segments that were, and no checkpoint if that was dropped.
        """
        if self.record is None or bundle not in self.covered:
            return None
        assert self._all is not None
        texts = _manifests(self.folder, self.record)
        state = Manifest.model_validate_json(texts[self._all.places[bundle]])
        if bundle in self.dropped:
            return state.model_copy(update={"checkpoint": None})
        return state

    def read(self, table: str) -> pl.DataFrame:
        """Read a compacted table whole, sorted by its key.

        Raises Damaged if a file is missing or differs.
        """
        if self.record is None:
            return pl.DataFrame(schema=SCHEMAS[table])
        return _table(self.folder, table, self.record)

    def rows(self, table: str, without: Collection[str]) -> pl.DataFrame:
        """Read a compacted table but for these runs."""
        found = self.read(table)
        if len(without) == 0:
            return found
        return found.filter(~pl.col("run").is_in(list(without)))

    def rows_of(self, runs: Collection[str]) -> dict[str, pl.DataFrame]:
        """Read the compacted rows of these runs, by table."""
        mine = pl.col("run").is_in(list(runs))
        return {table: self.read(table).filter(mine) for table in ROWS}

    def reopen(self, bundle: str) -> None:
        """Have readers look into the bundle's own record from now on, durably."""
        folder = self.folder / "reopened"
        durable.make_folder(folder)
        durable.create_if_absent(folder / bundle, b"")
        durable.reached("reopened")

    @functools.cached_property
    def _all(self) -> "_Covered | None":
        return None if self.record is None else _covered(self.folder, self.record)


def look(path: Place) -> View:
    """Look at the newest compaction of the store at `path`.

    The names in `reopened` are read after the record: what was claimed again before
    that is among them. Raises Damaged if the newest record is not sound.
    """
    folder = path / "compacted"
    record = newest(folder)
    reopened = [] if record is None else durable.names(folder / "reopened")
    return View(path, record, frozenset(reopened))


def newest(folder: Place) -> Compaction | None:
    """Read the newest compaction in `folder`; None before the first."""
    for _ in range(_LISTINGS):
        found = numbers(folder)
        if not found:
            return None
        path = path_of(folder, found[0])
        try:
            record = sealed.unseal(path, Compaction, _REMEDY)
        except FileNotFoundError:  # removed since by a newer one
            continue
        if record.number != found[0]:
            raise Damaged(path, f"is out of place: it is {record.number}", _REMEDY)
        return record
    raise Damaged(folder, "lists records that cannot be opened", _REMEDY)


def numbers(folder: Place) -> list[int]:
    """List the compactions in `folder`, newest first."""
    found = (_NAME.fullmatch(name) for name in durable.names(folder))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def path_of(folder: Place, number: int) -> Place:
    """Give the path of a compaction's record."""
    return folder / f"record-{number:08d}.json"


def told_of_runs(state: Manifest) -> list[tuple[Any, ...]]:
    """Give what a manifest tells of its runs: rows of `SCHEMAS["runs"]`."""
    spent = state.metadata.get("seconds_by_part") or {}
    seconds = [spent.get(name.removeprefix("seconds_")) for name in SECONDS]
    about = (state.fingerprint, state.attempts, *seconds)
    return [(run, state.bundle, now, *about) for run, now in state.status.items()]


def in_order(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Sort rows by `key`, unless they are: to see that is far cheaper."""
    later, same = pl.lit(False), pl.lit(True)
    for name in key:
        before = pl.col(name).shift(1)
        later = later | (same & (pl.col(name) < before))
        same = same & (pl.col(name) == before)
    unsorted = frame.slice(0).select(later.slice(1).fill_null(True).any()).item()
    return frame.sort(key) if unsorted else frame


def _table(folder: Place, table: str, record: Compaction) -> pl.DataFrame:
    wanted = SCHEMAS[table]
    parts = [
        segment.read(folder, file, wanted, _REMEDY) for file in record.files(table)
    ]
    return pl.concat([pl.DataFrame(schema=wanted), *parts])


class _Covered(NamedTuple):
    versions: Mapping[str, int]
    places: Mapping[str, int]
    dropped: frozenset[str]
    doubtful: frozenset[str]


# Files never change under a name and a checksum, so what was read stays true.
@functools.lru_cache(maxsize=1)
def _covered(folder: Place, record: Compaction) -> _Covered:
    table = _table(folder, "bundles", record)
    names = table["bundle"].to_list()
    return _Covered(
        versions=dict(zip(names, table["version"].to_list(), strict=True)),
        places={name: place for place, name in enumerate(names)},
        dropped=frozenset(table.filter("dropped")["bundle"]),
        doubtful=frozenset(table.filter("doubtful")["bundle"]),
    )


@functools.lru_cache(maxsize=1)
def _manifests(folder: Place, record: Compaction) -> pl.Series:
    return _table(folder, "manifests", record)["manifest"]
