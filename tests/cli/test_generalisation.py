"""A shipped study of generalisation, from its smoke preset to its page."""

import re

import polars as pl
import pytest

from allometry.curves.store import open_store

SECTIONS = (
    "summary",
    "generalisation-scores",
    "generalisation-surface",
    "generalisation",
    "generalisation-choices",
    "generalisation-exponents",
    "generalisation-shift",
)


@pytest.mark.slow
def test_the_smoke_preset_trains_tests_and_tells(allometry, tmp_path) -> None:
    out = tmp_path / "out"
    made = allometry("run", "generalisation-state", "--set=preset=smoke", "--out", out)
    assert made.code == 0, made
    store = open_store(out)
    runs = store.runs()
    assert runs["status"].unique().to_list() == ["done"]
    assert sorted(runs["arena"]) == [4, 5]
    assert runs.sort("arena")["log_states"].is_sorted()
    scores = store.scores()
    assert set(scores["split"]) == {"unseen_worlds", "larger_arena"}
    last = scores["checkpoint"].max()
    final = scores.filter(pl.col("checkpoint") == last)
    assert final.group_by("split").agg(pl.col("run").n_unique())["run"].to_list() == (
        [2, 2]
    )
    page = (out / "report.html").read_text()
    ids = re.findall(r'<section id="([^"]+)"', page)
    assert [name for name in SECTIONS if name not in ids] == []
    assert "Not identified" in page
