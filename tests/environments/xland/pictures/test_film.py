"""A GIF and an MP4 hold all frames of an episode, or nothing is written."""

import importlib

import numpy as np
import pytest
from PIL import Image

from allometry.environments.xland.pictures import film
from allometry.environments.xland.pictures.figure import PAINT
from allometry.environments.xland.pictures.frame import Frames
from allometry.refusal import Refusal
from tests.environments.xland.pictures.stage import acted

REWARD = [[0], [1], [0]]


def drawn(**given):
    return Frames(*acted(REWARD, **given), "A task")


def test_a_gif_holds_all_frames_and_repeats(tmp_path) -> None:
    path = tmp_path / "a.gif"
    film.write(drawn(), path)
    originals = [np.asarray(each).astype(int) for each in drawn()]
    with Image.open(path) as found:
        assert found.n_frames == 4
        assert found.info["loop"] == 0
        assert found.info["duration"] == 60  # hundredths of a second, of 1 / 15 s
        for number, original in enumerate(originals):
            found.seek(number)
            shown = np.asarray(found.convert("RGB")).astype(int)
            assert shown.shape == original.shape
            assert np.abs(shown - original).mean() < 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.gif"]


def test_small_things_keep_their_colours_in_a_gif(tmp_path) -> None:
    # Kinds of spheres, of all four colours.
    spheres = [(4 + colour, 1.5 + colour, 4.5) for colour in range(4)]
    film.write(drawn(objects=spheres), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as found:
        shown = np.asarray(found.convert("RGB")).astype(int)
    for paint in PAINT.values():
        near = np.abs(shown - np.array(paint)).max(-1) <= 8
        assert near.sum() > 300


def test_an_mp4_holds_all_frames(tmp_path) -> None:
    av = pytest.importorskip("av", reason="MP4s need the extra video")
    path = tmp_path / "a.mp4"
    film.write(drawn(), path)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == film.RATE
        found = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
    originals = [np.asarray(each).astype(int) for each in drawn()]
    assert len(found) == 4
    for shown, original in zip(found, originals, strict=True):
        assert np.abs(shown.astype(int) - original).mean() < 6


@pytest.mark.parametrize("name", ["a.avi", "a", "a.gif.txt"])
def test_another_suffix_is_refused(tmp_path, name) -> None:
    with pytest.raises(Refusal, match=r"ends in \.gif or \.mp4\."):
        film.write([], tmp_path / name)


def test_an_mp4_without_its_library_is_refused_with_the_extra(
    tmp_path, monkeypatch
) -> None:
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(Refusal, match=r"pip install 'allometry\[video\]', or .* \.gif"):
        film.check(tmp_path / "a.mp4")
    film.check(tmp_path / "a.gif")


def test_what_stood_there_stays_where_a_film_fails(tmp_path, monkeypatch) -> None:
    def half(image, path, **options):
        """Write a part of the film, until the disk is full."""
        path.write_bytes(b"GIF89a")
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.gif"
    path.write_bytes(b"mine")
    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(Refusal, match=r"a\.gif cannot be written \(No space left"):
        film.write([Image.new("RGB", (8, 8))] * 3, path)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]
