"""Sinks: experiment trackers to which curves are exported, each found by name.

A sink is filled from a folder of curves, never from inside a training, and into a
folder that is new: it appears whole, or not at all.
"""

import difflib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from allometry.curves import to_mlflow, to_tensorboard, to_wandb
from allometry.curves.imported import Imported
from allometry.curves.store import Store
from allometry.curves.tracked import Run, metrics, runs
from allometry.refusal import Refusal

#: How a sink's folder is written, given where it will stand in the end.
Write = Callable[[Path, Iterable[Run], Path], int]

SINKS: dict[str, Write] = {
    "tensorboard": lambda folder, runs, _: to_tensorboard.write(folder, runs),
    "mlflow": to_mlflow.write,
    "wandb": lambda folder, runs, _: to_wandb.write(folder, runs),
}


def export(
    folder: Store | Imported, to: str, out: Path, columns: Sequence[str] | None = None
) -> tuple[int, list[str]]:
    """Write the curves of `folder` into the new folder `out`, as a tracker has them.

    `to` is one of `SINKS`, `columns` are metrics; all of them if not given. Returns the
    number of runs and the metrics.

    Raises:
        Refusal: there is no such tracker, its library is missing, `out` is in use or
            cannot be written, or a column cannot be exported.
    """
    if to not in SINKS:
        near = difflib.get_close_matches(to, SINKS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise Refusal(
            f"There is no format {to!r}.{hint} Choose from: csv, {', '.join(SINKS)}."
        )
    if to == "wandb":
        to_wandb.library()
    _refuse_used(out)
    chosen = list(columns) if columns else metrics(folder)
    staged = out.with_name(f"tmp-{out.name}-{secrets.token_hex(4)}")
    try:
        staged.mkdir(parents=True)
        count = SINKS[to](staged, runs(folder, chosen), out)
        os.replace(staged, out)
    except OSError as error:
        raise Refusal(
            f"{out} cannot be written ({error.strerror or error}). Free the space or "
            "the permission, or name another folder."
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return count, chosen


def _refuse_used(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        raise Refusal(
            f"{out} exists: what a tracker has is not overwritten. Name a new folder."
        )
