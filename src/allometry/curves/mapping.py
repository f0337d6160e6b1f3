"""Mapping: from the columns of any table of curves to ours.

Foreign logs call the same thing `env_step`, `timesteps` or `global_step`. A column is
taken for a role if the user says so, if it has the role's name, or if it has a known
synonym; case, blanks, `-` and `_` do not matter. What was understood is returned with
the table, so that it can be shown before anything is written.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from allometry.refusal import Refusal

#: Role → synonyms, in the order in which they are tried; see `curves.table` for units.
ROLES: dict[str, tuple[str, ...]] = {
    "run": ("run_id", "run_name", "trial_id", "experiment_id"),
    "seed": ("random_seed", "rng_seed"),
    "task": ("env", "env_name", "env_id", "environment", "game", "task_name"),
    "method": ("algo", "algorithm", "agent", "exp_name", "experiment", "variant"),
    "parameters": (
        "n_params", "num_params", "n_parameters", "num_parameters", "model_size",
        "critic_params", "params", "parameter_count", "size", "model_params",
        "model_parameters", "n_param", "params_count", "network_params",
    ),
    "interactions": (
        "env_step", "env_steps", "environment_steps", "timesteps", "total_timesteps",
        "timesteps_total", "global_step", "num_env_steps", "steps", "step", "frames",
        "num_env_steps_sampled_lifetime", "xs",
    ),
    "updates": ("gradient_steps", "n_updates", "num_updates", "train_steps"),
    "compute": ("flops", "flop", "training_flop", "training_flops", "train_flops"),
    "seconds": (
        "wall_time", "time_elapsed", "relative_time", "time_total_s", "elapsed",
    ),
    "data": ("tokens", "n_tokens", "samples", "dataset_size"),
    "loss": ("train_loss", "val_loss", "test_loss"),
    "performance": (
        "return", "score", "avg_return", "mean_return", "episode_reward", "reward",
        "episode_return", "episodic_return", "ep_rew_mean", "mean_reward",
        "episode_reward_mean", "episode_return_mean", "success_rate", "accuracy", "ys",
    ),
    "status": ("state",),
}  # fmt: skip
TEXT = ("run", "task", "method", "status")
AXES = ("interactions", "updates", "compute", "data")
RESPONSES = ("performance", "loss")
#: What tells runs apart that have no names, in the order of the names they get.
APART = ("method", "task", "parameters", "seed")
#: A table with fewer rows per run than this holds runs, not curves.
LEAST_ROWS = 3
STATUSES = ("queued", "running", "preempted", "done", "nonfinite", "failed")
#: What other tools call them.
SAID = {
    "finished": "done", "completed": "done", "success": "done", "terminated": "done",
    "crashed": "failed", "killed": "failed", "error": "failed", "errored": "failed",
    "pending": "queued", "scheduled": "queued", "diverged": "nonfinite",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the user says about a table beyond what stands in it.

    `columns`: role → name of the column. `constants`: role → one value for all rows.
    `parameters`: name of a run, method or task → its N. `kappa`: FLOPs per parameter
    and interaction, from which missing compute is made. `metric`: which metric of a
    table that has several, one per row.
    """

    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    constants: Mapping[str, str | float] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, float] = dataclasses.field(default_factory=dict)
    kappa: float | None = None
    metric: str | None = None


@dataclasses.dataclass(frozen=True)
class Conformed:
    """A table with our columns; `columns` is role → foreign name, `notes` are said."""

    table: pl.DataFrame
    columns: Mapping[str, str]
    notes: tuple[str, ...]


def guess(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Find the column of each role; the user's `columns` come first.

    Raises `Refusal` for a column that does not exist, and where two columns are
    synonyms of one role.
    """
    found: dict[str, str] = {}
    for role, name in columns.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise Refusal(
                f"The table has no column {name!r} for {role!r}.{hint} Its columns: "
                f"{', '.join(names)}."
            )
        found[role] = name
    plain = {name: _plain(name) for name in names if name not in found.values()}
    for role, synonyms in ROLES.items():
        if role in found:
            continue
        exact = [name for name, said in plain.items() if said == role]
        known = {_plain(synonym) for synonym in synonyms}
        alike = exact or [name for name, said in plain.items() if said in known]
        if len(alike) > 1:
            raise Refusal(
                f"The columns {' and '.join(map(repr, alike))} could both be "
                f"{role!r}. Say which: --column {role}={alike[0]} (in Python, "
                f'columns={{"{role}": {alike[0]!r}}}).'
            )
        if alike:
            found[role] = alike[0]
            plain.pop(alike[0])
    return found


def axis(names: Sequence[str]) -> str | None:
    """Find the column of what grows along curves; None where none is known."""
    for role in AXES:
        known = {role, *(_plain(synonym) for synonym in ROLES[role])}
        for name in names:
            if _plain(name) in known:
                return name
    return None


def conform(frame: pl.DataFrame, wanted: Wanted, source: str) -> Conformed:
    """Give a frame our columns: one row per run and checkpoint.

    Adds `run` (from what tells curves apart), `seed`, `task`, `method`, `status`; other
    columns stay under their names. The frame may have `line` and `source`, which then
    name the place of a fault, and `source` stays.

    Raises:
        Refusal: a role's column is missing, is not numeric where it must be, a run has
            a checkpoint twice, or κ is no number above 0; with file, line and remedy.
    """
    _refuse_kappa(wanted.kappa)
    notes: list[str] = []
    columns = guess(_own(frame), wanted.columns)
    frame, columns = _of_metric(frame, columns, wanted.metric, source)
    frame = _renamed(frame, columns)
    for role, value in wanted.constants.items():
        frame = frame.with_columns(pl.lit(value).alias(role))
    for role in ROLES:
        if role in frame.columns:
            frame = _typed(frame, role, columns.get(role, role), source)
    frame = _normalised(frame, notes)
    frame = _with_runs(frame, notes)
    frame = _with_parameters(frame, wanted, notes)
    frame = _measured(_with_status(frame, source), notes)
    _refuse_twice(frame, source, {*columns, *wanted.constants})
    return Conformed(frame.drop("line", strict=False), columns, tuple(notes))


def require_curves(table: pl.DataFrame, source: str) -> tuple[str, str]:
    """Give the table's axis and response; raise `Refusal` where one is missing."""
    axis = next((role for role in AXES if role in table.columns), None)
    response = next((role for role in RESPONSES if role in table.columns), None)
    for found, roles in ((axis, AXES), (response, RESPONSES)):
        if found is None:
            raise Refusal(
                f"{source} has no column for {' or '.join(roles)}. Name one: --column "
                f"{roles[0]}=NAME. Its columns: {', '.join(_own(table))}."
            )
    return str(axis), str(response)


def _own(frame: pl.DataFrame) -> list[str]:
    """Name a table's columns without those that tell the place of a row."""
    return [name for name in frame.columns if name not in ("line", "source")]


def place(frame: pl.DataFrame, source: str) -> str:
    """Name the file and line of a frame's first row."""
    row = frame.row(0, named=True)
    where = row.get("source") or source
    return f"{where}, line {row['line']}" if row.get("line") is not None else str(where)


def _plain(name: str) -> str:
    """Reduce a name to what matters: lower case, words joined by `_`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().rsplit("/", 1)[-1]).strip("_")


def _renamed(frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """Give mapped columns their roles' names; others that have one step aside."""
    taken = {
        role: f"{role} (column)"
        for role, name in columns.items()
        if role != name and role in frame.columns and role not in columns.values()
    }
    frame = frame.rename(taken)
    moved = {name: role for role, name in columns.items() if role != name}
    if len(set(columns.values())) < len(columns):
        return frame.with_columns(
            pl.col(name).alias(role) for role, name in columns.items()
        )
    return frame.rename(moved)


def _of_metric(
    frame: pl.DataFrame, columns: dict[str, str], metric: str | None, source: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Keep the rows of one metric of a table with the columns metric and value."""
    names = {_plain(name): name for name in frame.columns}
    if "metric" not in names:
        if metric is None:
            return frame, columns
        raise Refusal(
            f"{source} has no column 'metric', by which to choose {metric!r}. Its "
            f"columns: {', '.join(_own(frame))}."
        )
    column = frame[names["metric"]].cast(pl.String)
    known = column.unique().sort().to_list()
    if metric is None and len(known) == 1:
        metric = known[0]
    if metric not in known:
        raise Refusal(
            f"{source}: there are {len(known)} metrics: "
            f"{', '.join(map(str, known[:20]))}. Choose one: --metric {known[0]}."
        )
    if "performance" not in columns and "value" in names:
        columns = {**columns, "performance": names["value"]}
    return frame.filter(column == metric), columns


def _typed(frame: pl.DataFrame, role: str, name: str, source: str) -> pl.DataFrame:
    """Make a role's column text or numbers; refuse what is neither, by line."""
    if role in TEXT:
        return frame.with_columns(pl.col(role).cast(pl.String))
    dtype = frame.schema[role]
    if dtype.is_numeric() or dtype == pl.Null:
        kind = pl.Int64 if role == "seed" and _is_whole(frame[role]) else pl.Float64
        return frame.with_columns(pl.col(role).cast(kind))
    numbers = frame[role].cast(pl.String).cast(pl.Float64, strict=False)
    wrong = frame.filter(numbers.is_null() & frame[role].is_not_null())
    if wrong.is_empty():
        whole = role == "seed" and _is_whole(numbers)
        numbers = numbers.cast(pl.Int64) if whole else numbers
        return frame.with_columns(numbers.alias(role))
    cell = str(wrong[role][0])
    decimal = re.fullmatch(r"-?\d+,\d+", cell)
    raise Refusal(
        f"{place(wrong, source)}, column {name!r}: {cell[:60]!r} is no number "
        f"({wrong.height} such rows). "
        + (
            "Write decimals with a point."
            if decimal
            else "Correct it, leave the cell empty, or name another column for "
            f"{role!r}: --column {role}=NAME."
        )
    )


def _is_whole(column: pl.Series) -> bool:
    numbers = column.drop_nulls().cast(pl.Float64)
    return bool((numbers.is_finite() & (numbers == numbers.round())).all())


def _normalised(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Write `h1_stair_v0` and `h1-stair-v0` alike, if both are there."""
    for role in ("task", "method"):
        if role not in frame.columns:
            continue
        names = frame[role].drop_nulls().unique()
        plain = names.str.replace_all("_", "-")
        if plain.n_unique() == len(names):
            continue
        frame = frame.with_columns(pl.col(role).str.replace_all("_", "-"))
        notes.append(
            f"{len(names) - plain.n_unique()} names in {role!r} differ from another "
            "only in '_' and '-'; they are taken for the same and written with '-'."
        )
    return frame


def _with_runs(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Name runs by what tells curves apart, where no column does."""
    if "run" not in frame.columns:
        apart: list[str] = [name for name in APART if name in frame.columns]
        axis = next((role for role in AXES if role in frame.columns), None)
        if axis is None or not set(RESPONSES) & set(frame.columns):
            return frame
        if "source" in frame.columns:
            together = frame.select(*apart, axis)
            apart += ["source"] if together.n_unique() < frame.height else []
        if not apart:
            return frame
        # Many names for few rows are settings of runs, not runs with curves.
        if frame.select(apart).n_unique() * LEAST_ROWS > frame.height:
            return frame
        cells = [pl.col(name).cast(pl.String).fill_null("?") for name in apart]
        frame = frame.with_columns(pl.concat_str(cells, separator=" ").alias("run"))
        notes.append(f"Runs are told apart by {', '.join(apart)}.")
    return frame


def _refuse_kappa(kappa: float | None) -> None:
    if kappa is not None and not (math.isfinite(kappa) and kappa > 0):
        raise Refusal(
            f"--kappa is {kappa:g}: give the FLOPs per parameter and interaction, a "
            "number above 0 such as 6."
        )


def _with_parameters(
    frame: pl.DataFrame, wanted: Wanted, notes: list[str]
) -> pl.DataFrame:
    """Fill in N by name, and compute by κ N E."""
    if wanted.parameters:
        given = pl.DataFrame(
            {"name": list(wanted.parameters), "N": list(wanted.parameters.values())},
            schema={"name": pl.String, "N": pl.Float64},
        )
        used: set[str] = set()
        value = pl.lit(None, dtype=pl.Float64)
        for role in ("run", "method", "task"):
            if role in frame.columns:
                known = dict(given.iter_rows())
                used |= set(frame[role].unique().to_list()) & set(known)
                found = pl.col(role).replace_strict(
                    known, default=None, return_dtype=pl.Float64
                )
                value = pl.coalesce(value, found)
        unused = sorted(set(wanted.parameters) - used)
        if unused:
            raise Refusal(
                f"No run, method or task is named {unused[0]!r}, for which parameters "
                f"are given. There are: {', '.join(_some_names(frame))}."
            )
        if "parameters" in frame.columns:
            value = pl.coalesce(value, pl.col("parameters"))
        frame = frame.with_columns(value.alias("parameters"))
    if wanted.kappa is not None and {"parameters", "interactions"} <= set(
        frame.columns
    ):
        made = wanted.kappa * pl.col("parameters") * pl.col("interactions")
        if "compute" in frame.columns:
            made = pl.coalesce(pl.col("compute"), made)
        frame = frame.with_columns(made.alias("compute"))
        notes.append(
            f"Compute is {wanted.kappa:g} FLOPs × parameters × interactions where the "
            "table has none."
        )
    return frame


def _some_names(frame: pl.DataFrame) -> list[str]:
    names: list[str] = []
    for role in ("method", "task", "run"):
        if role in frame.columns:
            names += frame[role].drop_nulls().unique().sort().to_list()[:8]
    return names


def _with_status(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Say which runs went non-finite: null from there on, and so in their status."""
    if "status" in frame.columns:
        plain = pl.col("status").str.strip_chars().str.to_lowercase()
        frame = frame.with_columns(plain.replace(SAID).alias("status"))
        unknown = frame.filter(~pl.col("status").is_in(STATUSES).fill_null(False))
        if not unknown.is_empty():
            raise Refusal(
                f"{place(unknown, source)}, column 'status': {unknown['status'][0]!r} "
                f"is none of: {', '.join(STATUSES)}. Correct it, or give all runs one: "
                "--set status=done."
            )
    response = next((role for role in RESPONSES if role in frame.columns), None)
    if response is None or "run" not in frame.columns:
        return frame
    value = pl.col(response)
    frame = frame.with_columns(
        (value.is_not_null() & ~value.is_finite()).alias("diverged")
    )
    if "status" not in frame.columns:
        diverged = pl.col("diverged").any().over("run")
        status = pl.when(diverged).then(pl.lit("nonfinite")).otherwise(pl.lit("done"))
        frame = frame.with_columns(status.alias("status"))
    finite = pl.when(~pl.col("diverged")).then(value)
    return frame.with_columns(finite.alias(response)).drop("diverged")


def _measured(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Leave out rows in which nothing was measured; runs that diverged keep theirs.

    Logs have rows at whose step only something else was logged. In a table with a row
    per run there is none such: a run without a response stays.
    """
    responses = [role for role in RESPONSES if role in frame.columns]
    if not responses or not {"run", "status"} <= set(frame.columns):
        return frame
    if frame["run"].n_unique() == frame.height:
        return frame
    nothing = pl.all_horizontal(pl.col(responses).is_null())
    kept = frame.filter(~nothing | (pl.col("status") == "nonfinite"))
    if gone := frame.height - kept.height:
        runs = frame["run"].n_unique() - kept["run"].n_unique()
        whole = f"; {runs} runs have none in any row" if runs else ""
        notes.append(
            f"{gone} rows have no {' or '.join(responses)} and are left out{whole}."
        )
    return kept


def _refuse_twice(frame: pl.DataFrame, source: str, told: Collection[str]) -> None:
    """Refuse a run with one checkpoint twice: two runs have one name.

    `told` are the roles that have a column; a name alone tells runs apart.
    """
    axis = next((role for role in AXES if role in frame.columns), None)
    if axis is None or "run" not in frame.columns:
        return
    # Counting within runs takes a tenth of the time of counting pairs.
    within = frame.group_by("run").agg(pl.col(axis).n_unique())
    if within[axis].sum() == frame.height:
        return
    twice = frame.filter(frame.select("run", axis).is_duplicated())
    run, where = twice["run"][0], twice[axis][0]
    same = twice.filter((pl.col("run") == run) & pl.col(axis).eq_missing(where))
    lines = same["line"].to_list()[:2] if "line" in same.columns else []
    at = f" (lines {lines[0]} and {lines[1]})" if len(lines) == 2 else ""
    raise Refusal(
        f"{source}: run {run!r} has {axis} = {where:g} twice{at}. Name the column that "
        f"tells runs apart, or add one: {_what_tells(told)}; or choose one metric: "
        "--metric NAME."
        if where is not None
        else f"{source}: run {run!r} has no {axis} in several rows{at}. Fill it in."
    )


def _what_tells(told: Collection[str]) -> str:
    """Name the columns that could tell runs apart and that nobody has named yet."""
    others = [] if "run" in told else [role for role in APART if role not in told]
    *most, last = [f"--column {role}=NAME" for role in ("run", *others)]
    return f"{', '.join(most)} or {last}" if most else last
