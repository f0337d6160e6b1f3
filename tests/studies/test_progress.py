"""What a commit holds where a checkpoint and the full protocol have the same row."""

import polars as pl
import pytest

from allometry.curves.table import SCORES, schema
from allometry.studies.progress import _once


def rows(score: float, *tasks: str, trial: int = 4) -> pl.DataFrame:
    row = ("a", 9, "held_out")
    return pl.DataFrame(
        [(*row, task, trial, 5, 1, score, 0.0) for task in tasks],
        schema=schema(SCORES),
        orient="row",
    )


def test_the_full_protocol_stands_in_for_the_checkpoints_own():
    light = pl.concat([rows(0.1, "held_out"), rows(0.2, "held_out", trial=0)])
    full = rows(0.7, "1-3", "held_out", "held_out median")
    found = _once([rows(0.0), light, full])
    assert found.select(list(SCORES)[:6]).is_unique().all()
    kept = {
        (task, trial): score
        for task, trial, score in found.select("task", "trial", "score").iter_rows()
    }
    assert kept == pytest.approx(
        {
            ("held_out", 4): 0.7,
            ("held_out", 0): 0.2,
            ("1-3", 4): 0.7,
            ("held_out median", 4): 0.7,
        }
    )
