"""A file is replaced when the new one is whole, and not before."""

import pytest

from allometry.environments.xland.pictures.draft import draft
from allometry.refusal import Refusal


def test_what_stood_there_is_replaced_when_the_new_file_is_whole(tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with draft(path) as rough:
        assert rough.suffix == ".png"
        rough.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def write(path, content, error=None):
    with draft(path) as rough:
        rough.write_bytes(content)
        if error:
            raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left"), Refusal), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_what_stood_there_stays_where_writing_fails(tmp_path, error, raised) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(raised):
        write(path, b"half", error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    path = tmp_path / "nowhere" / "a.png"
    with pytest.raises(Refusal, match=r"nowhere/a\.png cannot be written \(No such"):
        write(path, b"new")
