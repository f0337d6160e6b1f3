"""CleanRL's runs: TensorBoard folders named `task__method__seed__time`."""

from pathlib import Path

import polars as pl

from allometry.curves import from_tensorboard


def read(path: Path) -> pl.DataFrame:
    """Read one run's folder; task, method and seed come from its name.

    Raises `Refusal` as `from_tensorboard.read` does.
    """
    frame = from_tensorboard.read(path)
    folder = path if path.is_dir() else path.parent
    parts = folder.name.split("__")
    if len(parts) != 4 or not parts[2].lstrip("-").isdecimal():
        return frame
    task, method, seed, _ = parts
    return frame.with_columns(
        task=pl.lit(task), method=pl.lit(method), seed=pl.lit(int(seed))
    )
