"""The shipped study of adaptation, from its smoke preset to its page."""

import io

import polars as pl
import pytest
from PIL import Image

from allometry.curves.store import FILM, open_store

SPLITS = {"held_out", "held_out forgetting"}


@pytest.mark.slow
def test_the_smoke_preset_trains_tests_and_tells(allometry, tmp_path) -> None:
    out = tmp_path / "out"
    words = ["run", "adaptation", "--set=preset=smoke", "--out", out]
    made = allometry(*words)
    assert made.code == 0, made
    assert "Drawing an episode of the run that scored best" in made.said

    store = open_store(out)
    runs = store.runs()
    assert runs["status"].to_list() == ["done"]
    scores = store.scores()
    assert set(scores["split"]) >= SPLITS
    last = scores.filter(pl.col("checkpoint") == scores["checkpoint"].max())
    for split in SPLITS:
        found = last.filter(pl.col("split") == split, pl.col("task") == split)
        assert found.filter(pl.col("k") == 2)["trial"].to_list() == [0, 1]
    curves = store.curves()
    assert curves["interactions"].max() >= 8_704
    parts = ["compute_environment", "compute_act", "compute_learn"]
    assert (curves.select(parts).min_horizontal() > 0).all()

    with Image.open(io.BytesIO((out / FILM).read_bytes())) as picture:
        assert min(picture.size) > 400
    page = (out / "report.html").read_text()
    for heading in ("Better from trial to trial?", "An episode, trial by trial"):
        assert heading in page

    again = allometry(*words)
    assert again.code == 0
    assert "Drawing" not in again.said
