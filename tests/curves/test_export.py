"""Exported CSV reads back as it was, but for text that a spreadsheet would run."""

import csv
from pathlib import Path

import polars as pl
import pytest

from allometry.curves.export import FORMULA, to_csv
from allometry.refusal import Refusal


def cells(path: Path) -> list[list[str]]:
    """Read with the standard library, as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_frame_reads_back(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "run": ["a", "b, c", 'say "d"', "two\nlines", None],
            "interactions": [1, 2, 3, 4, None],
            "performance": [0.1, 1 / 3, 1e-300, 123456789.125, None],
            "done": [True, False, True, False, None],
        }
    )
    to_csv(table, tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv").equals(table)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_text_columns_of_any_kind_are_escaped(tmp_path: Path) -> None:
    kinds = (pl.String, pl.Categorical, pl.Enum(["=1+1", "plain"]))
    for kind in kinds:
        names = pl.Series("task", ["=1+1", "plain", None], dtype=kind)
        to_csv(names.to_frame().with_columns(x=1), tmp_path / "out.csv")
        found = cells(tmp_path / "out.csv")
        assert found == [["task", "x"], ["'=1+1", "1"], ["plain", "1"], ["", "1"]]


@pytest.mark.parametrize("sign", FORMULA)
def test_a_leading_sign_is_escaped_once_in_cells_and_names(
    tmp_path: Path, sign: str
) -> None:
    text = f"{sign}{sign}cmd|' /C calc'!A0"
    to_csv(pl.DataFrame({text: [text, sign]}), tmp_path / "out.csv")
    assert cells(tmp_path / "out.csv") == [[f"'{text}"], [f"'{text}"], [f"'{sign}"]]


def test_signs_elsewhere_are_left_alone(tmp_path: Path) -> None:
    texts = ["a=b", "h1-stair", "me@lab", "1+1", "two\n=lines", "'=quoted", " ", "|"]
    to_csv(pl.DataFrame({"run-name": texts}), tmp_path / "out.csv")
    assert cells(tmp_path / "out.csv") == [["run-name"], *([text] for text in texts)]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"whole": [-1, 2], "real": [-0.5, -1e-9], "text": ["-1", "-0.5"]}
    )
    to_csv(table, tmp_path / "out.csv")
    found = pl.read_csv(tmp_path / "out.csv")
    assert found.select("whole", "real").equals(table.select("whole", "real"))
    assert found["text"].to_list() == ["'-1", "'-0.5"]


def test_a_file_is_replaced_and_the_frame_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    table = pl.DataFrame({"=a": ["=b"]})
    to_csv(table, path)
    assert cells(path) == [["'=a"], ["'=b"]]
    assert table.to_dict(as_series=False) == {"=a": ["=b"]}


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": [1]})
    with pytest.raises(Refusal, match=r"out\.csv cannot be written: No such file"):
        to_csv(table, tmp_path / "missing" / "out.csv")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refusal, match=r"cannot be written: Not a directory"):
        to_csv(table, tmp_path / "file" / "out.csv")
    with pytest.raises(Refusal, match="is no file"):
        to_csv(table, tmp_path)
    with pytest.raises(Refusal, match="is no file"):
        to_csv(table, Path("/dev/null"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"a": [[1, 2]]}),
        pl.DataFrame({"a": [b"=1"]}),
        pl.DataFrame({"=a": [1], "'=a": [2]}),
    ],
    ids=["nested", "bytes", "two names become one"],
)
def test_what_csv_cannot_hold_is_refused(tmp_path: Path, table: pl.DataFrame) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(Refusal, match=r"out\.csv cannot be written as CSV: .*\. Leave"):
        to_csv(table, path)
    assert path.read_text() == "old"
