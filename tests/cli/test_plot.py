"""A fit becomes a figure of the kind that its name asks for, or none at all."""

import json
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

COLUMNS = ["--column", "x=width", "--column", "y=cost"]


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Costs that follow y = 50 x^−0.35 but for 2 % of luck."""
    generator = np.random.default_rng(0)
    x = np.repeat(np.geomspace(1e1, 1e6, 12), 3)
    y = 50 * x**-0.35 * np.exp(0.02 * generator.standard_normal(len(x)))
    path = tmp_path_factory.mktemp("plot") / "power.csv"
    pl.DataFrame({"width": x, "cost": y}).write_csv(path)
    return path


@pytest.fixture
def fit(allometry, table) -> Path:
    path = table.with_name("power.fit.json")
    if not path.exists():
        assert allometry("fit", table, "--law", "power", *COLUMNS).code == 0
    return path


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("law.pdf", b"%PDF-"),
        ("law.png", b"\x89PNG\r\n\x1a\n"),
        ("law.svg", b"<?xml"),
        ("LAW.PNG", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_the_suffix_says_the_kind(allometry, fit, tmp_path, name, magic) -> None:
    outcome = allometry("plot", fit, "--out", tmp_path / name)
    assert outcome.code == 0
    assert outcome.out == f"Figure: {tmp_path / name}\n"
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_without_a_name_it_is_a_pdf_beside_the_fit(allometry, fit, tmp_path) -> None:
    for path, name in ((tmp_path / "a.fit.json", "a"), (tmp_path / "fit.json", "fit")):
        path.write_bytes(fit.read_bytes())
        out = tmp_path / f"{name}.pdf"
        assert allometry("plot", path).out == f"Figure: {out}\n"
        assert out.read_bytes().startswith(b"%PDF-")
    assert allometry("plot", tmp_path).out == f"Figure: {tmp_path / 'law.pdf'}\n"
    assert (tmp_path / "law.pdf").read_bytes().startswith(b"%PDF-")


def test_json_is_the_path_and_no_more(allometry, fit, tmp_path) -> None:
    out = tmp_path / "law.svg"
    outcome = allometry("plot", fit, "--out", out, "--json")
    assert outcome.document == {"figure": str(out)}
    assert out.read_text(encoding="utf-8").rstrip().endswith("</svg>")


@pytest.mark.parametrize(("width", "pixels"), [("3.4", 1020), ("5", 1500)])
def test_the_width_is_in_inches(allometry, fit, tmp_path, width, pixels) -> None:
    out = tmp_path / "law.png"
    assert allometry("plot", fit, "--out", out, "--width", width).code == 0
    across, down = struct.unpack(">II", out.read_bytes()[16:24])
    assert (across, down) == (pixels, pixels * 3 // 4)


def test_the_title_and_the_columns_stand_in_the_figure(
    allometry, fit, tmp_path
) -> None:
    out = tmp_path / "law.svg"
    outcome = allometry("plot", fit, "--out", out, "--title", "Cost <of> a width")
    assert outcome.code == 0
    text = out.read_text(encoding="utf-8")
    assert "Cost &lt;of&gt; a width" in text
    assert ">width<" in text
    assert ">cost<" in text
    assert "not identified" not in text


def test_a_column_that_was_guessed_keeps_its_name(allometry, table, tmp_path) -> None:
    named, out = table.with_name("guessed.csv"), tmp_path / "law.svg"
    frame = pl.read_csv(table).with_columns(seed=pl.int_range(pl.len()) % 3)
    frame.rename({"width": "tokens", "cost": "val_loss"}).write_csv(named)
    words = ["--law", "power", "--column", "x=tokens", "--column", "y=val_loss"]
    assert allometry("fit", named, *words).code == 0
    fit = named.with_name("guessed.fit.json")
    assert allometry("plot", fit, "--out", out).code == 0
    text = out.read_text(encoding="utf-8")
    assert ">tokens<" in text
    assert ">val loss<" in text
    fit.unlink()


def test_help_says_what_is_drawn_of_which_law(allometry) -> None:
    said = allometry("plot", "--help").said
    assert "The intrinsic law has no interval in its figure" in said
    assert "A form of one input gets the band of new runs too" in said


def test_dollars_are_no_formula(allometry, table, tmp_path) -> None:
    fit, out = tmp_path / "fit.json", tmp_path / "law.svg"
    named = table.with_name("dollars.csv")
    pl.read_csv(table).rename({"cost": "US$ a$x"}).write_csv(named)
    words = ["--law", "power", "--column", "x=width", "--column", "y=US$ a$x"]
    assert allometry("fit", named, *words, "--out", fit).code == 0
    words = ["--out", out, "--title", "cost $x and 50% $"]
    outcome = allometry("plot", fit, *words)
    assert (outcome.code, outcome.err) == (0, "")
    text = out.read_text(encoding="utf-8")
    assert ">cost $x and 50% $<" in text
    assert ">US$ a$x<" in text


@pytest.mark.parametrize("width", ["0", "-1", "nan", "inf", "1e6"])
def test_a_width_that_cannot_be_drawn_is_refused(
    allometry, fit, tmp_path, width
) -> None:
    outcome = allometry("plot", fit, "--out", tmp_path / "a.png", "--width", width)
    said = f"width is {float(width):g} inches: give more than 0 and at most 50"
    outcome.refuses(said)
    assert list(tmp_path.iterdir()) == []


def test_a_width_without_room_for_axes_is_refused(allometry, fit, tmp_path) -> None:
    outcome = allometry("plot", fit, "--out", tmp_path / "a.png", "--width", "0.5")
    outcome.refuses("0.5 × 0.375 inches has no room", "give a larger width, such as")
    assert list(tmp_path.iterdir()) == []


def test_a_law_that_is_not_identified_is_stamped_so(allometry, table, tmp_path) -> None:
    fit, out = tmp_path / "floor.json", tmp_path / "law.svg"
    outcome = allometry("fit", table, "--law", "power-floor", *COLUMNS, "--out", fit)
    assert outcome.code == 0
    assert allometry("plot", fit, "--out", out).code == 0
    assert "not identified" in out.read_text(encoding="utf-8")


def test_a_folder_stands_for_the_fit_in_it(allometry, fit, tmp_path) -> None:
    out = tmp_path / "law.png"
    (tmp_path / "fit.json").write_bytes(fit.read_bytes())
    assert allometry("plot", tmp_path, "--out", out).code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["law.docx", "law", "law.png.txt"])
def test_an_unknown_suffix_is_refused(allometry, fit, tmp_path, name) -> None:
    outcome = allometry("plot", fit, "--out", tmp_path / name)
    outcome.refuses(str(tmp_path / name), "Name a file that ends in .pdf, .svg or .png")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(allometry, fit, tmp_path) -> None:
    out = tmp_path / "nowhere" / "law.png"
    allometry("plot", fit, "--out", out).refuses(str(out), "cannot be written")


def test_what_is_no_fit_is_refused(allometry, table, tmp_path) -> None:
    out = ["--out", tmp_path / "law.png"]
    missing = tmp_path / "missing.json"
    again = "with `allometry fit`"
    allometry("plot", missing, *out).refuses(str(missing), "does not exist", again)
    first = f"{table} is a table, not a fit: allometry fit {table} first."
    allometry("plot", table, *out).refuses(first)
    allometry("report", table).refuses(first)
    allometry("forecast", table, "--at", "x=1").refuses(first)
    torn = tmp_path / "torn.json"
    torn.write_text("{", encoding="utf-8")
    allometry("plot", torn, *out).refuses(str(torn), "is not valid JSON", again)
    torn.unlink()
    allometry("plot", tmp_path, *out).refuses(str(tmp_path), "is empty")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": {}}, ["holds no points", "Make it again with `allometry fit`"]),
        ({"law": "mine"}, ["'mine' is not known here", "laws.forms.add(form)"]),
        ({"version": 99}, ["version 99", "Install a newer Allometry"]),
    ],
)
def test_a_fit_that_cannot_be_drawn_says_why(
    allometry, fit, tmp_path, change, words
) -> None:
    path = tmp_path / "fit.json"
    document = json.loads(fit.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, **change}), encoding="utf-8")
    allometry("plot", path, "--out", tmp_path / "law.png").refuses(*words)
    assert not (tmp_path / "law.png").exists()


def test_a_width_that_is_no_number_is_a_usage_error(allometry, fit) -> None:
    allometry("plot", fit, "--width", "wide").is_usage_error("--width")
