"""Every example of the documentation prints exactly what its page shows.

A block of `python` followed by a block of `text` is run and its output compared; so is
every `$ allometry …` of a block of `console`. All blocks of a page run in order, in one
folder that holds `docs/examples`; a line `…` stands for any lines.
"""

import ast
import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allometry.cli.main import main
from allometry.laws import forms

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: What makes a page one that is run.
SHOWN = re.compile(
    r"^```python[^\n]*\n(?:(?!^```).*\n)*```\n\n```text|^\$ allometry", re.MULTILINE
)
#: What a page says of a library that its examples need, and that may not be installed.
NEEDS = re.compile(r"^<!-- needs (\w+) -->$", re.MULTILINE)
#: Commands that train, serve or need the network are shown, and tried by hand.
NOT_RUN = ("run",)


def pages() -> list[str]:
    found = sorted(DOCS.rglob("*.md"))
    return [
        str(page.relative_to(DOCS))
        for page in found
        if SHOWN.search(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("page", pages())
def test_examples_print_what_the_page_shows(page, tmp_path, monkeypatch) -> None:
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "88")
    # A page may add a form of its own; other tests are not to find it.
    monkeypatch.setattr(forms, "_forms", dict(forms._forms))
    namespace: dict[str, object] = {"__name__": "__main__"}
    said, whole = "", (DOCS / page).read_text(encoding="utf-8")
    for library in NEEDS.findall(whole):
        pytest.importorskip(library, reason=f"{library} is not installed")
    for kind, text in BLOCK.findall(whole):
        if kind == "python":
            said = python(text, namespace)
        elif kind == "text" and said:
            assert_shown(text, said)
            said = ""
        elif kind == "console":
            for command, shown in commands(text):
                assert_shown(shown, run(command))


def imports() -> list[tuple[str, str, str]]:
    """List what examples take from Allometry: page, module, name; run or not."""
    found = []
    for page in sorted(DOCS.rglob("*.md")):
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            nodes = ast.walk(ast.parse(text)) if kind == "python" else ()
            found += [
                (str(page.relative_to(DOCS)), node.module, name.name)
                for node in nodes
                if isinstance(node, ast.ImportFrom) and node.module is not None
                for name in node.names
                if node.module.split(".")[0] == "allometry"
            ]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "module", "name"), imports())
def test_what_an_example_imports_is_there(page: str, module: str, name: str) -> None:
    """Examples that train are not run: what they name must be there all the same."""
    found = importlib.import_module(module)
    if not hasattr(found, name):
        importlib.import_module(f"{module}.{name}")


def python(code: str, namespace: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "example", "exec"), namespace)
    return out.getvalue()


def commands(text: str) -> Iterator[tuple[list[str], str]]:
    """Give each command of a console block that is run, and what it shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        while line.endswith("\\"):
            more, _, shown = shown.partition("\n")
            line = line[:-1] + more
        words = shlex.split(line, comments=True)
        if words[0] == "allometry" and words[1] not in NOT_RUN:
            yield words[1:], shown


def run(words: list[str]) -> str:
    out = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["allometry", *words])
        with contextlib.suppress(SystemExit):
            main()
    return out.getvalue()


def assert_shown(shown: str, said: str) -> None:
    """Compare line by line; a line `…` matches any lines."""
    wanted = [line.rstrip() for line in shown.strip().splitlines()]
    lines = [line.rstrip() for line in said.strip().splitlines()]
    pattern = "\n".join("(?s:.*)" if w == "…" else re.escape(w) for w in wanted)
    if not re.fullmatch(pattern, "\n".join(lines)):
        assert lines == wanted


def test_an_example_that_prints_something_else_is_found() -> None:
    assert_shown("a\n…\nd", "a\nb\nc\nd\n")
    with pytest.raises(AssertionError):
        assert_shown("a\n…\nd", "a\nb\nc\n")


def test_the_first_example_is_among_them() -> None:
    assert "start.md" in pages()
    assert os.path.exists(DOCS / "examples" / "digits.csv")
