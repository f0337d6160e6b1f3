"""Observe: from a data frame of runs to the observations that a form is fitted to.

What is left out is counted by reason, and what is resampled together is decided here:
a form's intervals come from leaving out, or drawing, whole groups of runs, never
checkpoints, whose errors go together.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Quantity
from allometry.laws.frame import RUN, column_of, to_polars, with_runs
from allometry.laws.parametric.settings import FormSettings
from allometry.refusal import Refusal

UNFINISHED = ("queued", "running", "preempted", "failed")
#: What to do about values of which no logarithm can be taken: of an input, and of the
#: response, where leaving rows out by their luck would bend the law.
_LEAVE_OUT = "Leave such rows out."
_COMPARE_VALUES = (
    "Do not leave such rows out: what remained would be the lucky ones. Such values "
    "need a form that compares values themselves (sigmoid, rating, or one of your own "
    'with residual="linear"); returns need the intrinsic law (--law intrinsic); and a '
    "loss can be shifted to be above 0."
)
#: Columns of our own, whatever a table's are called.
_ROW, _DIVERGED = "allometry row", "allometry diverged"
#: With fewer groups by design than this, runs are what is left out.
LEAST_GROUPS = 4
#: With fewer rows per run than this, runs are no curves.
LEAST_ROWS = 8
#: What tells runs apart and deserves a word where a form does not read it.
APART = ("parameters", "horizon", "task", "method")
#: Groups beyond this many are left out in blocks.
MOST_GROUPS = 400


@dataclasses.dataclass(frozen=True)
class Observations:
    """What a form is fitted to; arrays have shape `[n]`.

    `group` is the index in `labels` of what an observation is resampled with, and
    `grouped_by` says what the groups are. `along` is the input that grows along the
    curves, if the observations are curves. `counts` is JSON-able, for the fit card, and
    `unread` names columns that tell runs apart and that the form does not read.
    """

    inputs: Mapping[str, Array]
    response: Array
    group: np.ndarray
    labels: tuple[str, ...]
    grouped_by: str
    columns: Mapping[str, str]
    counts: Mapping[str, Any]
    along: str | None = None
    unread: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.response)

    def part(self, kept: np.ndarray) -> "Observations":
        """Keep the observations that `kept` says, with their groups."""
        present, group = np.unique(self.group[kept], return_inverse=True)
        return dataclasses.replace(
            self,
            inputs={name: values[kept] for name, values in self.inputs.items()},
            response=self.response[kept],
            group=group,
            labels=tuple(self.labels[index] for index in present),
        )


def observe(
    form: Form,
    table: Any,
    columns: Mapping[str, str] | None = None,
    settings: FormSettings | None = None,
) -> Observations:
    """Read a frame (Polars or pandas), one row per observation.

    `columns` names the frame's column of each of the form's inputs and of its response,
    where it differs from theirs. Columns `run` and `status` are used if there are any:
    without `run`, every row is a run of its own.

    Raises:
        Refusal: a column is missing, holds text, or a value of which no logarithm can
            be taken; or nothing is left to fit.
    """
    settings = settings or FormSettings()
    frame = with_runs(to_polars(table), columns or {})
    roles = (*form.inputs, form.response)
    names = {role.name: column_of(frame, role, columns or {}, form) for role in roles}
    _refuse_unknown(columns or {}, form, frame)
    frame, counts = _ended(frame.with_row_index(_ROW))
    frame = _numbers(frame, names)
    frame, more = _answered(frame, names, form, settings)
    frame, early = _late(frame, names, form, settings)
    counts |= more | early
    for role in roles:
        if role.positive and (role is not form.response or form.residual == "log"):
            advice = _COMPARE_VALUES if role is form.response else _LEAVE_OUT
            _refuse_below_zero(frame, names[role.name], role, advice)
    if frame.is_empty():
        raise Refusal(
            f"No row of the table has a {names[form.response.name]!r} to fit: "
            + _why(counts)
        )
    grouped_by, keys = _groups(frame, names, form, settings)
    labels, group = np.unique(keys, return_inverse=True)
    return Observations(
        inputs={role.name: frame[role.name].to_numpy() for role in form.inputs},
        response=frame[form.response.name].to_numpy(),
        group=group,
        labels=tuple(str(label) for label in labels),
        grouped_by=grouped_by,
        columns=names,
        counts={"rows": frame.height, "runs": _runs(frame), **counts},
        along=_along(frame, form),
        unread=_unread(frame, (*names, *names.values(), settings.by)),
    )


def _refuse_unknown(
    columns: Mapping[str, str], form: Form, frame: pl.DataFrame
) -> None:
    roles = {role.name for role in (*form.inputs, form.response)}
    unknown = sorted(set(columns) - roles - set(RUN))
    if unknown:
        raise Refusal(
            f"The form {form.name!r} has no input or response {unknown[0]!r}; name "
            f"columns for: {', '.join(sorted(roles))}."
        )


def _ended(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Leave out runs that have not ended, if the table says so; count them."""
    if "status" not in frame.columns:
        return frame, {}
    unfinished = pl.col("status").cast(pl.String).is_in(UNFINISHED)
    runs = frame.filter(unfinished)
    number = runs["run"].n_unique() if "run" in frame.columns else runs.height
    kept = frame.filter(~unfinished.fill_null(False))
    return kept, {"unfinished_runs": number} if number else {}


def _numbers(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Add the roles as numbers under their own names, beside the table's."""
    numbers = {}
    for role, name in names.items():
        dtype = frame.schema[name]
        if not dtype.is_numeric() and dtype != pl.Null:
            raise Refusal(
                f"Column {name!r} holds {dtype}, not numbers: convert it to numbers, "
                "and leave a missing value null."
            )
        numbers[role] = frame[name].cast(pl.Float64)
    return frame.with_columns(**numbers)


def _answered(
    frame: pl.DataFrame, names: Mapping[str, str], form: Form, settings: FormSettings
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Give or leave out what has no response, and count why.

    A row without a response is a run that went non-finite where its status says so or
    the response is NaN or infinite, and else one that was never seen (a threshold that
    a run never crossed).
    """
    response = pl.col(form.response.name)
    diverged = response.is_not_null() & ~response.is_finite()
    if "status" in frame.columns:
        said = pl.col("status").cast(pl.String) == "nonfinite"
        diverged = diverged | (response.is_null() & said.fill_null(False))
    frame = frame.with_columns(diverged.alias(_DIVERGED))
    counts: dict[str, Any] = {
        "nonfinite_rows": int(frame[_DIVERGED].sum()),
        "missing_rows": int(
            frame.filter(response.is_null() & ~pl.col(_DIVERGED)).height
        ),
    }
    given = pl.when(_DIVERGED).then(pl.lit(settings.chance, pl.Float64))
    frame = frame.with_columns(given.otherwise(response).alias(form.response.name))
    known = pl.lit(settings.chance is not None) | ~pl.col(_DIVERGED)
    for role in form.inputs:
        finite = pl.col(role.name).is_finite().fill_null(False)
        missing = frame.filter(known & ~finite)
        if not missing.is_empty():
            raise Refusal(
                f"Column {names[role.name]!r} has no finite number in row "
                f"{missing[_ROW][0] + 1} ({missing.height} such rows): fill it in, or "
                "leave the row out."
            )
    frame, censored = _fair(frame, form)
    counts |= censored
    return frame.filter(response.is_not_null()), {k: v for k, v in counts.items() if v}


def _fair(frame: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Leave out settings at which half of the runs or more have no response.

    Where a run has one response (what it needed to cross a threshold), the runs that
    have one are the lucky ones, and the law would read too low there.
    """
    if not all(role.fixed for role in form.inputs):
        return frame, {}
    setting = [role.name for role in form.inputs]
    share = pl.col(form.response.name).is_not_null().mean().over(setting)
    unfair = frame.filter(share <= 0.5)
    number = unfair.select(setting).n_unique() if unfair.height else 0
    return frame.filter(share > 0.5), {"settings_left_out": number}


def _late(
    frame: pl.DataFrame, names: Mapping[str, str], form: Form, settings: FormSettings
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Leave out the start of every run, along the input that grows."""
    growing = [role.name for role in form.inputs if not role.fixed]
    if not settings.exclude_first or not growing or "run" not in frame.columns:
        return frame, {}
    x = pl.col(growing[0])
    late = frame.filter(x > settings.exclude_first * x.max().over("run"))
    return late, {"rows_at_the_start_left_out": frame.height - late.height}


def _refuse_below_zero(
    frame: pl.DataFrame, name: str, role: Quantity, advice: str
) -> None:
    wrong = frame.filter(pl.col(role.name) <= 0)
    if not wrong.is_empty():
        raise Refusal(
            f"Column {name!r} is {wrong[role.name][0]:g} in row {wrong[_ROW][0] + 1} "
            f"({wrong.height} such rows): its logarithm is taken, so it must be above "
            f"0. {advice}"
        )


def _why(counts: Mapping[str, Any]) -> str:
    reasons = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items()]
    if not reasons:
        return "it is empty."
    remedy = (
        " A setting is left out where half of its runs or more have none: ask for a "
        "performance that most runs reach (--at), or train longer."
        if counts.get("settings_left_out")
        else ""
    )
    return f"{', '.join(reasons)}.{remedy}"


def _unread(frame: pl.DataFrame, read: Sequence[str | None]) -> tuple[str, ...]:
    """Name columns that tell runs apart and are none of those read."""
    there = [name for name in APART if name in frame.columns and name not in read]
    return tuple(name for name in there if frame[name].n_unique() > 1)


def _runs(frame: pl.DataFrame) -> int:
    """Count the runs; without names of runs, every row is one."""
    return frame["run"].n_unique() if "run" in frame.columns else frame.height


def _along(frame: pl.DataFrame, form: Form) -> str | None:
    """Name the input that grows along curves; none where runs have few rows each."""
    growing = [role.name for role in form.inputs if not role.fixed and role.positive]
    if not growing or "run" not in frame.columns:
        return None
    return growing[0] if frame.height >= LEAST_ROWS * _runs(frame) else None


def _groups(
    frame: pl.DataFrame, names: Mapping[str, str], form: Form, settings: FormSettings
) -> tuple[str, np.ndarray]:
    """Say what is resampled together: its name, and a key per observation `[n]`."""
    if settings.by is not None:
        if settings.by not in frame.columns:
            raise Refusal(
                f"The table has no column {settings.by!r} to group by; it has: "
                f"{', '.join(c for c in frame.columns if c not in (_ROW, _DIVERGED))}."
            )
        return settings.by, frame[settings.by].cast(pl.String).fill_null("").to_numpy()
    fixed = [role.name for role in form.inputs if role.fixed]
    if not fixed and "run" in frame.columns and frame["run"].n_unique() == frame.height:
        fixed = [role.name for role in form.inputs]
    if fixed:
        key = frame.select(
            pl.concat_str(pl.col(fixed).round_sig_figs(12), separator=", ")
        )
        if key.to_series().n_unique() >= LEAST_GROUPS:
            what = " and ".join(names[name] for name in fixed)
            return f"distinct {what}", key.to_series().to_numpy()
    if "run" in frame.columns:
        return "run", frame["run"].cast(pl.String).fill_null("").to_numpy()
    return "row", frame[_ROW].cast(pl.String).str.zfill(9).to_numpy()
