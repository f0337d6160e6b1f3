"""The readers as functions: each gives the same table, ready for a law."""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from allometry.curves import formats
from allometry.curves.mapping import Wanted

_DOC = """Read files, folders or patterns into one table of curves.

    {sentence}

    One row per run and checkpoint; columns have our names (`curves.mapping.ROLES`),
    others keep theirs. `columns` maps roles to columns where the guess is wrong,
    `constants` gives a role one value, `parameters` gives N by run, method or task,
    `kappa` makes missing compute from κ N E, `metric` chooses among several.

    Raises:
        Refusal: a file cannot be read or understood; with file, line and remedy.
    """


def _reader(name: str) -> Callable[..., pl.DataFrame]:
    """Make the reader of a format."""

    def read(
        *sources: str | Path,
        columns: Mapping[str, str] | None = None,
        constants: Mapping[str, str | float] | None = None,
        parameters: Mapping[str, float] | None = None,
        kappa: float | None = None,
        metric: str | None = None,
    ) -> pl.DataFrame:
        wanted = Wanted(columns or {}, constants or {}, parameters or {}, kappa, metric)
        paths = [Path(source) for source in sources]
        return formats.load(name, paths, wanted).table

    read.__name__ = read.__qualname__ = f"read_{name}"
    read.__doc__ = _DOC.format(sentence=formats.FORMATS[name].sentence)
    return read


read_csv = _reader("csv")
read_wide = _reader("wide")
read_tensorboard = _reader("tensorboard")
read_cleanrl = _reader("cleanrl")
read_sb3 = _reader("sb3")
read_rllib = _reader("rllib")
read_wandb = _reader("wandb")
read_mlflow = _reader("mlflow")
read_dreamerv3 = _reader("dreamerv3")
