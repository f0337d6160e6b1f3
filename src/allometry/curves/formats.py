"""The formats that can be imported: one reader each, found by name.

A reader turns one file (or one run's folder) into a frame of raw columns; `load` finds
the files, reads them, and gives the whole our columns.
"""

import dataclasses
import difflib
import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from allometry.curves import (
    from_cleanrl,
    from_dreamerv3,
    from_long,
    from_mlflow,
    from_rllib,
    from_sb3,
    from_tensorboard,
    from_wandb,
    from_wide,
)
from allometry.curves.mapping import Conformed, Wanted, conform
from allometry.refusal import Refusal

Progress = Callable[[int, int], None]
#: What a file's own column `source` is called beside ours.
ASIDE = "source (column)"
#: Folders are searched this deep.
_DEEPEST = 12


@dataclasses.dataclass(frozen=True)
class Format:
    """A format: what it is, which files it reads in a folder, and how.

    `columns` are the foreign names of roles, in order of preference, beyond those
    guessed; a role without any is not guessed either.
    """

    name: str
    sentence: str
    read: Callable[[Path], pl.DataFrame]
    is_one: Callable[[Path], bool]
    columns: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def _suffixed(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.name.lower().endswith(suffixes)


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            "csv",
            "A long table, one row per run and checkpoint: CSV, TSV, Parquet or JSON "
            "lines.",
            from_long.read,
            _suffixed(*from_long.SUFFIXES),
        ),
        Format(
            "wide",
            "A wide table: one column for the axis and one per run.",
            from_wide.read,
            _suffixed(*from_long.SUFFIXES),
        ),
        Format(
            "tensorboard",
            "TensorBoard event files, a folder per run.",
            from_tensorboard.read,
            from_tensorboard.is_run,
            {
                "interactions": ("step",),
                "performance": ("eval/mean_reward", "rollout/ep_rew_mean"),
            },
        ),
        Format(
            "cleanrl",
            "CleanRL's folder runs: TensorBoard files in task__method__seed__time.",
            from_cleanrl.read,
            from_tensorboard.is_run,
            {
                "interactions": ("step",),
                "performance": ("eval/episodic_return", "charts/episodic_return"),
            },
        ),
        Format(
            "sb3",
            "Stable-Baselines3: progress.csv or monitor.csv, a folder per run.",
            from_sb3.read,
            from_sb3.is_run,
            {
                "interactions": ("interactions", "time/total_timesteps"),
                "performance": (
                    "performance",
                    "eval/mean_reward",
                    "rollout/ep_rew_mean",
                ),
                "updates": ("train/n_updates",),
                "seconds": ("seconds", "time/time_elapsed"),
                "loss": (),
            },
        ),
        Format(
            "rllib",
            "RLlib and Ray Tune: result.json or progress.csv, a folder per trial.",
            from_rllib.read,
            from_rllib.is_run,
            {
                "interactions": (
                    "num_env_steps_sampled_lifetime",
                    "timesteps_total",
                    "num_env_steps_sampled",
                    "agent_timesteps_total",
                ),
                "performance": (
                    "evaluation/env_runners/episode_return_mean",
                    "env_runners/episode_return_mean",
                    "env_runners/episode_reward_mean",
                    "episode_reward_mean",
                ),
                "seconds": ("time_total_s",),
                "run": ("trial_id",),
            },
        ),
        Format(
            "wandb",
            "Weights & Biases: CSV exports, or offline .wandb files.",
            from_wandb.read,
            from_wandb.is_export,
            {"interactions": ("global_step", "Step", "step", "_step")},
        ),
        Format(
            "mlflow",
            "MLflow's local store: the folder mlruns, or the file mlflow.db.",
            from_mlflow.read,
            from_mlflow.is_run,
            {"interactions": ("step",)},
        ),
        Format(
            "dreamerv3",
            "Score files as DreamerV3 publishes them: json.gz with task, method, seed, "
            "xs, ys.",
            from_dreamerv3.read,
            _suffixed(".json.gz", ".json"),
            {"interactions": ("xs",), "performance": ("ys",)},
        ),
    )
}


def load(
    name: str,
    sources: Sequence[Path],
    wanted: Wanted,
    progress: Progress | None = None,
) -> Conformed:
    """Read all files of a format under `sources` (files, folders, patterns).

    `progress` is told how many of how many files are read. Raises `Refusal` where a
    file cannot be read, or no file is found.
    """
    form = find(name)
    files = list(dict.fromkeys(_files(form, sources)))
    if not files:
        raise Refusal(
            f"No file of the format {name!r} was found in "
            f"{', '.join(map(str, sources))}. {form.sentence}"
        )
    frames = []
    for number, path in enumerate(files, 1):
        # A column of that name steps aside, as in `mapping`.
        frame = form.read(path).rename({"source": ASIDE}, strict=False)
        frames.append(frame.with_columns(source=pl.lit(str(path))))
        if progress is not None:
            progress(number, len(files))
    try:
        frame = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise Refusal(
            f"The files do not go together: a column holds text in one and numbers in "
            f"another ({error}). Import them one by one."
        ) from error
    frame = _aside(form, frame, wanted)
    columns = {**_preferred(form, frame.columns, wanted), **wanted.columns}
    if "run" not in columns and "run" not in frame.columns and files[0].is_dir():
        frame = _named_by_folder(frame, files)
    source = str(files[0]) if len(files) == 1 else f"{len(files)} files"
    return conform(frame, dataclasses.replace(wanted, columns=columns), source)


def _named_by_folder(frame: pl.DataFrame, files: Sequence[Path]) -> pl.DataFrame:
    """Name runs by their folders, without what all have in common."""
    common = os.path.commonpath([path.parent for path in files])
    names = {str(path): os.path.relpath(path, common) for path in files}
    return frame.with_columns(run=pl.col("source").replace_strict(names))


def find(name: str) -> Format:
    """Find a format by name; raise `Refusal` naming those there are."""
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name, FORMATS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise Refusal(
        f"There is no format {name!r}.{hint} Choose from: {', '.join(FORMATS)}."
    )


def _aside(form: Format, frame: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Move columns out of the way of roles that the format has no column for."""
    barred = [role for role, names in form.columns.items() if not names]
    return frame.rename(
        {
            name: f"{name} (column)"
            for name in frame.columns
            for role in barred
            if name.rsplit("/", 1)[-1] == role and name not in wanted.columns.values()
        }
    )


def _preferred(form: Format, names: Sequence[str], wanted: Wanted) -> dict[str, str]:
    """Choose the format's own columns for roles that the user has not named."""
    found = {}
    for role, foreign in form.columns.items():
        there = [name for name in foreign if name in names]
        if there and role not in wanted.columns:
            found[role] = there[0]
    return found


def _files(form: Format, sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        if source.is_dir():
            if form.is_one(source):
                yield source
            yield from _below(form, source)
        elif source.exists():
            yield source
        elif matches := sorted(glob.glob(str(source))):
            yield from map(Path, matches)
        else:
            raise Refusal(f"{source} does not exist. Name a file, folder or pattern.")


def _below(form: Format, folder: Path) -> Iterator[Path]:
    """Walk a folder in order, not following links, to what the format reads."""
    depth = len(folder.parts)
    for where, folders, names in os.walk(folder):
        folders.sort()
        if len(Path(where).parts) - depth >= _DEEPEST:
            folders.clear()
        for name in sorted([*folders, *names]):
            path = Path(where) / name
            if form.is_one(path):
                yield path
