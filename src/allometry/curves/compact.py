"""Compaction: fold what finished bundles recorded into tables of the whole store.

One file per commit is safe and slow to read: a store of many runs is faster to list and
to read as a few tables. The order makes it safe to end at any point:

1. repeat the newest manifest of each finished bundle under a new fencing token: who
   held it cannot commit any more;
2. write the tables anew, with all that was compacted before; read them back;
3. create the record that names them, not settled: readers now take the tables;
4. see of each bundle that it has not gone on (else it is `reopened`), and remove its
   segments and older states; its newest manifest stays, and with it the token;
5. create the same record, settled; remove the tables before.

A claim made meanwhile looks for the record after it has won, a compaction looks for
claims after it has written the record: at least one sees the other, and a claim that
sees a compaction puts the rows back beside the bundle's own record before it goes on.
"""

import dataclasses
import itertools
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from allometry.curves import claim, compacted, durable, manifest, sealed, segment
from allometry.curves.compacted import KEYS, ROWS, SCHEMAS, Compaction, View
from allometry.curves.durable import Damaged
from allometry.curves.manifest import FileRecord, Manifest
from allometry.curves.place import Place
from allometry.curves.store import Store
from allometry.refusal import Refusal

#: Bytes of a part of a table in memory; its file is smaller than a segment may be.
PART = 64 * 2**20

_OWNED = re.compile(
    r"(?:tmp-record|record|bundles|manifests|runs|curves|scores|lineage)-(\d{8})[.-].*"
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was done: bundles folded now, bundles covered in all, rows by table."""

    folded: int
    covered: int
    rows: Mapping[str, int]


def compact(store: Store, *, drop_checkpoints: bool = False) -> Outcome:
    """Fold the records of finished bundles into tables, and remove their segments.

    Bundles that are trained at the same time are left as they are. `drop_checkpoints`
    removes the checkpoints of finished bundles too: their networks are lost. Raises
    Damaged if a record is not sound, a Refusal if another process compacts the store.
    """
    view = compacted.look(store.path)
    try:
        states = durable.each(view.path, view.own, store.bundles)
        found = zip(store.bundles, states, strict=True)
        own = {name: state for name, state in found if state is not None}
        names = [name for name, state in own.items() if state.finished]
        folders = [view.path / "bundles" / name for name in names]
        fenced = durable.each(view.path, claim.fence, folders)
        ended = [state for state in fenced if state is not None]
        if ended or (drop_checkpoints and set(view.covered) - view.dropped - set(own)):
            view = _fold(view, own, ended, drop_checkpoints)
    except Damaged:
        if compacted.look(store.path).number != view.number:
            raise _busy(store.path) from None
        raise
    if view.record is not None and not view.record.settled:
        view = _settle(view, view.record)
    if view.record is not None:
        _sweep(view.folder, view.record)
    rows = {table: view.read(table).height for table in ROWS}
    return Outcome(len(ended), len(view.covered), rows)


def _fold(
    view: View,
    own: Mapping[str, Manifest],
    ended: list[Manifest],
    drop_checkpoints: bool,
) -> View:
    """Write the tables anew and the record that names them."""
    number = view.number + 1
    name = f"{number:08d}-{secrets.token_hex(4)}"
    written: list[FileRecord] = []
    files: dict[str, tuple[FileRecord, ...]] = {}
    durable.make_folder(view.folder)
    try:
        for table in SCHEMAS:
            frame = _joined(view, table, own, ended)
            if table == "bundles" and drop_checkpoints:
                frame = frame.with_columns(dropped=pl.lit(True))
            begun = len(written)
            for number_of_part, part in enumerate(parts(frame)):
                title = f"{table}-{name}-{number_of_part:04d}.parquet"
                written.append(_write(view.folder, title, part))
            files[table] = tuple(written[begun:])
        durable.sync_folder(view.folder)
        durable.reached("tables written")
        record = Compaction.model_validate(
            {"number": number, "settled": False, **files}
        )
        won = _create(view.folder, record)
    except BaseException:
        if durable.is_surely_absent(compacted.path_of(view.folder, number)):
            _discard(view.folder, written)
        raise
    if not won:
        _discard(view.folder, written)
        raise _busy(view.path)
    durable.reached("compacted")
    return compacted.look(view.path)


def _joined(
    view: View, table: str, own: Mapping[str, Manifest], ended: list[Manifest]
) -> pl.DataFrame:
    """Gather a table: what was compacted and is as new, and what has ended since."""
    by = "bundle" if table in ("bundles", "manifests") else "run"
    names = own if by == "bundle" else [run for x in own.values() for run in x.status]
    before = view.read(table).filter(~pl.col(by).is_in(list(names)))
    new = durable.each(view.path, lambda state: _rows(view, table, state), ended)
    frames = itertools.chain.from_iterable(new)
    return compacted.in_order(pl.concat([before, *frames]), KEYS[table])


def _rows(view: View, table: str, state: Manifest) -> list[pl.DataFrame]:
    """Give a finished bundle's rows of a table."""
    wanted = SCHEMAS[table]
    if table in ROWS:
        folder = view.path / "bundles" / state.bundle
        files: tuple[FileRecord, ...] = getattr(state, table)
        return [segment.read(folder, file, wanted) for file in files]
    doubtful = bool(state.warnings or state.metadata.get("warnings"))
    rows: dict[str, list[tuple[Any, ...]]] = {
        "bundles": [(state.bundle, state.version, doubtful, False)],
        "manifests": [(state.bundle, state.model_dump_json())],
        "runs": compacted.told_of_runs(state),
    }
    return [pl.DataFrame(rows[table], schema=wanted, orient="row")]


def parts(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut a table into parts that are no larger than a segment may be."""
    if frame.height:
        each = max(1, PART * frame.height // max(1, int(frame.estimated_size())))
        yield from frame.iter_slices(min(each, segment.ROW_LIMIT))


def _write(folder: Place, name: str, part: pl.DataFrame) -> FileRecord:
    """Write a part of a table, and see that it can be read back."""
    file = segment.write(folder, name, part)
    if not segment.read(folder, file, part.schema).equals(part):
        raise Damaged(folder / name, "does not hold what was written to it")
    return file


def _settle(view: View, record: Compaction) -> View:
    """See that no covered bundle has gone on, remove what the tables replace."""
    for bundle, version in view.covered.items():
        folder = view.path / "bundles" / bundle
        found = manifest.versions(folder)
        if found[:1] == [version]:
            state = view.folded(bundle)
            assert state is not None
            bare = state.model_copy(update=dict.fromkeys(ROWS, ()))
            claim.sweep(folder, [bare])
        elif found and bundle not in view.reopened:
            view.reopen(bundle)
    settled = record.model_copy(update={"number": record.number + 1, "settled": True})
    if not _create(view.folder, settled):
        raise _busy(view.path)
    durable.reached("settled")
    return compacted.look(view.path)


def _create(folder: Place, record: Compaction) -> bool:
    return sealed.create(compacted.path_of(folder, record.number), record)


def _discard(folder: Place, written: list[FileRecord]) -> None:
    for file in written:
        durable.remove(folder / file.name)


def _sweep(folder: Place, record: Compaction) -> None:
    """Remove what `record` replaces; what may be a later one's stays."""
    named = {file.name for file in record.all_files}
    named.add(compacted.path_of(folder, record.number).name)
    for name in sorted(durable.names(folder)):
        match = _OWNED.fullmatch(name)
        if match and name not in named and int(match[1]) <= record.number:
            durable.remove(folder / name)
            durable.reached("swept")


def _busy(path: Place) -> Refusal:
    return Refusal(
        f"{path} is being compacted by another process. Nothing is lost; run the "
        "command again when that has ended."
    )
