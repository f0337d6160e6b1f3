"""IDX files: read as published, and refused by name when they are not."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from allometry.environments import idx
from allometry.refusal import Refusal


def encode(array: np.ndarray) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.arange(24).reshape(2, 3, 4)
WHOLE = encode(IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_plain_and_gzip(tmp_path: Path, pack) -> None:
    path = tmp_path / "images"
    path.write_bytes(pack(WHOLE))
    np.testing.assert_array_equal(idx.read(path, axes=3), IMAGES)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "with nothing"),
        (b"\x00\x00\x08", "magic number 00000803"),
        (encode(np.arange(24)), "but with 00000801"),
        (b"\x00\x00\x0d\x03" + WHOLE[4:], "but with 00000d03"),
        (WHOLE[:10], "ends within its header"),
        (WHOLE[:-1], "should have 40 bytes .*2 × 3 × 4.* and has 39"),
        (WHOLE + b"\x00", "should have 40 bytes .* and has 41"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "should have 79,228,162,458,"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "damaged gzip file"),
        (gzip.compress(WHOLE, mtime=0) + b"rest", "damaged gzip file"),
        (gzip.compress(WHOLE[:-1], mtime=0), "has 39"),
    ],
)
def test_refuses_what_is_not_whole(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(Refusal, match=sentence) as caught:
        idx.read(path, axes=3)
    assert str(path) in str(caught.value)


def test_refuses_a_flipped_bit_in_gzip(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    packed = bytearray(gzip.compress(WHOLE, mtime=0))
    packed[len(packed) // 2] ^= 1
    path.write_bytes(bytes(packed))
    with pytest.raises(Refusal, match="damaged gzip file"):
        idx.read(path, axes=3)


def test_stops_reading_a_gzip_bomb(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(idx, "LARGEST", 1000)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(bytes(2000), mtime=0))
    with pytest.raises(Refusal, match="more than 1,000 bytes"):
        idx.read(path, axes=3)


@pytest.mark.parametrize(
    "spelling",
    [
        "train-images-idx3-ubyte",
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte",
        "train-images.idx3-ubyte.gz",
    ],
)
def test_finds_every_published_spelling(tmp_path: Path, spelling: str) -> None:
    (tmp_path / spelling).write_bytes(WHOLE)
    found = idx.find(tmp_path, "train-images-idx3-ubyte")
    assert found == tmp_path / spelling


def test_names_the_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="has no file t10k-labels-idx1-ubyte") as caught:
        idx.find(tmp_path, "t10k-labels-idx1-ubyte")
    assert str(tmp_path) in str(caught.value)


def test_refuses_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        idx.read(tmp_path, axes=3)
