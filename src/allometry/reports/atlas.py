"""The atlas: laws that were measured, each beside the record that it is made from.

An entry is a folder that is a store, compacted and without its networks: `study.json`
and the tables, `fit.json` (or one for each value of the study's axis) and, where the
study asks for them, `horizon.json` and `generalisation.json`. A `forecast.json` says
what was forecast of runs before they were made. Whoever has the folder can fit the
laws again, and see whether they are those that it tells of.
"""

import dataclasses
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pydantic

from allometry.curves import compact
from allometry.curves.store import STUDY, Store, create, open_store
from allometry.laws import card
from allometry.laws.estimates import Estimate
from allometry.refusal import Refusal
from allometry.reports import numbers, verdict

#: Numbers of a law made again that differ by less are the same: optimisers of two
#: machines need not agree in the last digits.
TOLERANCE, NOTHING = 1e-3, 1e-6
FORECAST = "forecast.json"
#: What a manifest tells of hosts, processes and hours.
_OF_MACHINES = ("history", "chunks")
_OF_A_FIT = ("law", "parameters", "derived", "identified")
#: Laws of generalisation beside that of compute: entries stored before there were any
#: have none, and that is no difference.
_LATER = re.compile(r"\d+\.others\.")


@dataclasses.dataclass(frozen=True)
class Law:
    """One law of an entry: its file, what it says, and how it differs if made again."""

    file: str
    says: str
    differences: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of the atlas, its laws fitted again from its tables."""

    name: str
    title: str
    command: str
    runs: int
    laws: tuple[Law, ...]
    forecast: str
    """What was forecast beforehand and how it came out; empty without a forecast."""

    @property
    def reproduced(self) -> bool:
        """Whether there are laws, and every one is that stored."""
        return bool(self.laws) and not any(law.differences for law in self.laws)


class Band(pydantic.BaseModel):
    """A forecast number with its 90 % interval, in FLOPs."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    value: pydantic.PositiveFloat
    low: pydantic.PositiveFloat
    high: pydantic.PositiveFloat


class Foretold(pydantic.BaseModel):
    """What `forecast.json` holds: the compute that a level of a dial will take."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    made: str
    """The day, such as 2026-11-21."""
    by: str
    level: int | float | str
    threshold: float
    performance: str = "performance"
    predicted: Band


def entries(folder: Path) -> list[Path]:
    """List the entries in a folder, by name.

    Raises `Refusal` if there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise Refusal(
            f"{folder} is no folder: name the atlas's, such as the one that comes with "
            "Allometry's source, or begin your own: allometry atlas FOLDER --add STORE."
        )
    found = sorted(path.parent for path in folder.glob(f"*/{STUDY}"))
    if not found:
        raise Refusal(
            f"{folder} holds no law. Add the store of a finished study to it: "
            f"allometry atlas {folder} --add runs/quickstart."
        )
    return found


def awaited(folder: Path) -> dict[str, str]:
    """Say, by name, what was forecast in a folder of studies that were not run yet."""
    found = sorted(path for path in folder.glob(f"*/{FORECAST}"))
    return {
        path.parent.name: f"{_said(_foretold(path))}; not run yet"
        for path in found
        if not (path.parent / STUDY).is_file()
    }


def check(path: Path) -> Entry:
    """Fit an entry's laws again, and compare them with those that it tells of."""
    store = open_store(path)
    made = laws_of(store)
    kept = {file.name for file in path.glob("*.json")} - {STUDY, FORECAST}
    stored = {name: _read(path / name) for name in kept}
    laws = [
        Law(name, _says(name, document), tuple(_compared(stored.get(name), document)))
        for name, document in made.items()
    ]
    laws += [
        Law(name, "stored", ("the tables do not give it",))
        for name in sorted(kept - set(made))
    ]
    return Entry(
        name=path.name,
        title=str(store.study.get("title") or store.study.get("name") or path.name),
        command=str(store.study.get("command", "")),
        runs=store.plan.height,
        laws=tuple(laws),
        forecast=_forecast(path, made),
    )


def add(store: Store, folder: Path, name: str) -> Path:
    """Put a finished study into the atlas, with its laws; return where it is.

    What is kept is the study, its tables, and the doubts of its record; not the
    networks, nor hosts, processes and hours. A forecast may stand there already. Raises
    `Refusal` if the study is not finished, asks for no law, or has an entry.
    """
    place = folder / name
    left = set(store.bundles) - store.finished()
    if left:
        raise Refusal(
            f"{store.path} is not finished: {len(left)} of its {len(store.bundles)} "
            "bundles are left. Run its command again first."
        )
    if place.exists() and {file.name for file in place.iterdir()} - {FORECAST}:
        raise Refusal(f"{place} exists: choose another --name, or move it away.")
    laws = laws_of(store)
    if not laws:
        raise Refusal(f"{store.path} asks for no law: there is nothing to keep of it.")
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        made = Path(beside) / name
        _copy(store, made)
        for file, document in laws.items():
            (made / file).write_text(json.dumps(document, indent=1) + "\n")
        for part in made.iterdir():
            part.rename(place / part.name)
    return place


def laws_of(store: Store) -> dict[str, Any]:
    """Fit all that a study asks for, by the name of the file that keeps it."""
    made: dict[str, Any] = {}
    if verdict.asks_for_size(store):
        for found in verdict.verdicts(store):
            made[found.file] = json.loads(card.to_json(found.fit))
    if horizon := verdict.horizon_verdicts(store):
        made["horizon.json"] = card.plain(horizon)
    if generalised := verdict.generalisation_verdicts(store):
        made["generalisation.json"] = card.plain(generalised)
    return made


def _copy(store: Store, place: Path) -> None:
    """Copy a study's record, compacted, without networks and owners."""
    tables = {
        "curves": store.curves(),
        "scores": store.scores(),
        "lineage": store.lineage(),
    }
    copied = create(place, store.study, store.plan)
    for bundle in store.bundles:
        state = store.manifest(bundle)
        if state is None:
            continue
        own = pl.col("run").is_in(list(state.status))
        told = {key: x for key, x in state.metadata.items() if key not in _OF_MACHINES}
        doubts = store.doubts([bundle])
        copied.claim(bundle, {}).commit(
            **{name: whole.filter(own) for name, whole in tables.items()},
            checkpoint=None,
            metadata=told | ({"warnings": list(doubts)} if doubts else {}),
            status=state.status,
            fingerprint=state.fingerprint or "",
            finished=True,
        )
    compact.compact(copied, drop_checkpoints=True)
    shutil.rmtree(place / "bundles")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"{path} cannot be read as JSON: {error}.") from error


def _compared(stored: Any, made: Any) -> Iterator[str]:
    """Say how a law made again differs from the one stored."""
    if stored is None:
        yield "it was not stored"
        return
    before, now = dict(_leaves(_told(stored))), dict(_leaves(_told(made)))
    if not any(map(_LATER.match, before)):
        now = {key: value for key, value in now.items() if not _LATER.match(key)}
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if not _same(old, new):
            yield f"{key} is {new!r} and was {old!r}"


def _told(document: Any) -> Any:
    """Keep what a fit says of the world; other laws are nothing else."""
    if isinstance(document, Mapping):
        return {key: document.get(key) for key in _OF_A_FIT}
    return document


def _same(old: Any, new: Any) -> bool:
    numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in (old, new)
    )
    if not numeric:
        return bool(old == new)
    return math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=NOTHING)


def _leaves(document: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        parts = list(document.items())
    elif isinstance(document, list):
        parts = [(str(place), value) for place, value in enumerate(document)]
    else:
        yield key, document
        return
    for name, value in parts:
        yield from _leaves(value, f"{key}.{name}" if key else str(name))


def _says(name: str, document: Any) -> str:
    """Say a law in a few words, as plain text."""
    if name == "generalisation.json":
        return _generalised(document)
    if name == "horizon.json":
        sure = [one for one in document if one["identified"]]
        affine = sum(one["affine"] for one in sure)
        return (
            f"{len(sure)} of {len(document)} laws of the horizon identified, "
            f"{affine} affine"
        )
    if not document["identified"]:
        return "not identified"
    told = document["derived"].get("size_exponent")
    return "identified" if told is None else f"size exponent {_exponent(told)}"


def _generalised(document: Any) -> str:
    main = [one for one in document if one["performance"] == "performance"]
    told = []
    for one in main:
        law = one["laws"][0]
        at = f"at {one['threshold']:g}"
        if law["identified"]:
            told.append(
                f"{at} compute ∝ {law['complexity'][4:]}^{_exponent(law['exponent'])}"
            )
        else:
            told.append(f"{at} not identified")
    return "; ".join(told)


def _forecast(path: Path, made: Mapping[str, Any]) -> str:
    """Say what was forecast, and how it came out if that is known by now."""
    if not (path / FORECAST).is_file():
        return ""
    told = _foretold(path / FORECAST)
    band, said = told.predicted, _said(told)
    levels = [
        level
        for one in made.get("generalisation.json", ())
        if (one["by"], one["performance"], one["threshold"])
        == (told.by, told.performance, told.threshold)
        for level in one["levels"]
        if level["value"] == told.level
    ]
    if not levels:
        return f"{said}; the study has no such level, score or threshold"
    seen = levels[0]["compute"]["value"]
    if seen is None:
        return f"{said}; the level was not seen to cross"
    held = "held" if band.low <= seen <= band.high else "missed"
    return f"{said}; it took {numbers.power(seen)}: {held}"


def _said(told: Foretold) -> str:
    band = told.predicted
    predicted = Estimate(band.value, band.low, band.high, "FLOPs")
    return (
        f"forecast on {told.made} for {told.by} = {told.level} at "
        f"{told.threshold:g}: {numbers.span(predicted, numbers.power)} FLOPs"
    )


def _foretold(path: Path) -> Foretold:
    try:
        return Foretold.model_validate(_read(path))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Refusal(
            f"{path} is no forecast: {where}: {first['msg']}. docs/atlas.md shows one."
        ) from error


def _exponent(document: Mapping[str, Any]) -> str:
    return numbers.span(card.estimate(document), numbers.exponent)
