"""The fit on disk and in words: `fit.json`, written atomically and read with care.

`fit.json` holds `version` and the fields of a `Result`: `law`, `parameters` and
`derived` (name → `value`, `low`, `high`, `unit`, `identified`), `identified`,
`warnings`, `replicates`, `residuals`, `card`, `points`, `spread`, `resampling` and
`quantile`, so that a forecast or a figure needs nothing else. JSON has no NaN: a
non-finite number is stored as null, and null is read back as NaN wherever a number is
due. Strings are data; nothing in a file is ever executed.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pydantic_core

from allometry.laws.estimates import FIT_VERSION, Estimate, Replicate, Result
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.form.registry import forms
from allometry.laws.jackknife import QUANTILE
from allometry.refusal import Refusal


def write(fit: Result, path: Path) -> None:
    """Store the fit at `path`: the old file or the new one, never half of either.

    Raises:
        Refusal: the file cannot be written; an earlier file is then intact.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(to_json(fit))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Refusal(
            f"{path} cannot be written ({error.strerror}); what stood there before "
            "is intact. Free the space or the permission, or name another place."
        ) from error


def read(path: Path) -> Fit:
    """Load a fit from `path`.

    Raises:
        Refusal: the file is missing, unreadable, damaged or of a newer version.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Refusal(
            f"{path} does not exist. Make it with `allometry fit`, or name the file "
            "that holds the fit."
        ) from error
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{path} is not UTF-8 text (byte {error.start}). {_AGAIN}"
        ) from error
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}). Name a file that holds a fit."
        ) from error
    return from_json(text, str(path))


def to_json(fit: Result) -> str:
    """Write the fit as JSON text; non-finite numbers become null."""
    fields = [field.name for field in dataclasses.fields(Result)]
    document = {"version": FIT_VERSION, **{name: getattr(fit, name) for name in fields}}
    return json.dumps(plain(document), indent=1, ensure_ascii=False) + "\n"


def from_json(text: str, source: str) -> Fit:
    """Read a fit back from JSON text; `source` names it in messages.

    Raises:
        Refusal: malformed JSON (with line), a newer version, a missing, unknown or
            wrongly typed field (with its path).
    """
    try:
        document = pydantic_core.from_json(text)
    except ValueError as error:
        raise Refusal(f"{source} is not valid JSON: {error}. {_AGAIN}") from error
    _check_version(document, source)
    if document["version"] == 1:
        document = _upgraded(document)
    try:
        record = _FitRecord.model_validate(document)
    except pydantic.ValidationError as error:
        raise Refusal(_first_problem(error, source)) from error
    return record.to_fit()


def plain(value: Any) -> Any:
    """Reduce to what JSON knows: records and arrays too, what is not finite to null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def estimate(document: Mapping[str, Any]) -> Estimate:
    """Read back what `plain` made of an estimate."""
    return Estimate(**dict(_EstimateRecord.model_validate(document)))


_AGAIN = "Make it again with `allometry fit`."


def _nan_if_null(value: Any) -> Any:
    return math.nan if value is None else value


_Number = Annotated[float, pydantic.BeforeValidator(_nan_if_null)]


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)


class _EstimateRecord(_Record):
    value: _Number
    low: _Number
    high: _Number
    unit: str
    identified: bool


class _ReplicateRecord(_Record):
    left_out: str | _Number
    parameters: dict[str, _Number]
    of: Literal["group", "stretch"]


class _FitRecord(_Record):
    version: int
    law: str
    parameters: dict[str, _EstimateRecord]
    derived: dict[str, _EstimateRecord]
    identified: bool
    warnings: list[str]
    replicates: list[_ReplicateRecord]
    residuals: list[_Number]
    card: dict[str, Any]
    points: dict[str, list[_Number]]
    spread: _Number
    resampling: Literal["jackknife", "bootstrap"]
    quantile: _Number

    def to_fit(self) -> Fit:
        return Fit(
            law=self.law,
            parameters={k: Estimate(**dict(v)) for k, v in self.parameters.items()},
            derived={k: Estimate(**dict(v)) for k, v in self.derived.items()},
            identified=self.identified,
            warnings=tuple(self.warnings),
            replicates=tuple(Replicate(**dict(item)) for item in self.replicates),
            residuals=tuple(self.residuals),
            card=self.card,
            points={k: tuple(v) for k, v in self.points.items()},
            spread=self.spread,
            resampling=self.resampling,
            quantile=self.quantile,
            form=_form(self.law, self.card),
        )


def _form(law: str, card: Mapping[str, Any]) -> Form | None:
    """Find the form of a law that was read; None where it is not known here."""
    try:
        return forms.find(law, card.get("columns", {}))
    except Refusal:
        return None


def _check_version(document: Any, source: str) -> None:
    """Refuse what is no fit, and fits from the future, before reading any field."""
    if not isinstance(document, dict) or "version" not in document:
        raise Refusal(
            f"{source} is not a fit: it should be a JSON object with the field "
            f"`version`. {_AGAIN}"
        )
    version = document["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise Refusal(
            f"{source}: `version` should be a whole number from 1 to {FIT_VERSION}. "
            f"{_AGAIN}"
        )
    if version > FIT_VERSION:
        raise Refusal(
            f"{source} has version {version}, and this Allometry reads up to version "
            f"{FIT_VERSION}. Install a newer Allometry, or make the fit again here "
            "with `allometry fit`."
        )


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """Add to a fit of version 1, an intrinsic law's, what version 2 brought."""
    estimates: dict[str, Any] = {
        key: {
            name: {"identified": True, **entry} if isinstance(entry, dict) else entry
            for name, entry in document[key].items()
        }
        for key in ("parameters", "derived")
        if isinstance(document.get(key), dict)
    }
    if isinstance(document.get("replicates"), list):
        estimates["replicates"] = [
            {"of": "group", **item} if isinstance(item, dict) else item
            for item in document["replicates"]
        ]
    new: dict[str, Any] = {"points": {}, "spread": None, "resampling": "jackknife"}
    return {**document, **estimates, **new, "quantile": QUANTILE}


def _first_problem(error: pydantic.ValidationError, source: str) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in problem["loc"])
    what = {"missing": "is missing", "extra_forbidden": "is not a field of a fit"}.get(
        problem["type"], f"cannot be used: {problem['msg']}"
    )
    return f"{source}: `{field}` {what}. {_AGAIN}"
