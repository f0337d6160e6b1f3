"""What the long tests and CI promise to run, and not to skip, they do."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for file in sorted((ROOT / "tests").rglob("*.py"))
}


def asked(pattern: str) -> dict[str, set[str]]:
    """Find the variables of the environment that tests ask for, and their files."""
    found: dict[str, set[str]] = {}
    for file, text in TESTS.items():
        for name in re.findall(rf'environ\.get\("({pattern})"', text):
            found.setdefault(name, set()).add(file)
    return found


def test_the_long_tests_take_the_server_away_wherever_a_test_can() -> None:
    files = asked("S3_AWAY")["S3_AWAY"]
    assert len(files) == 2
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    recipe = makefile.partition("\ntest-long:")[2].partition("\n\n")[0]
    (line,) = [line for line in recipe.splitlines() if "S3_AWAY=20" in line]
    assert "REQUIRE_S3=1" in line
    assert files <= set(line.split())


@pytest.mark.parametrize("name", sorted(asked(r"REQUIRE_\w+")))
def test_ci_lets_no_test_be_skipped_that_can_be_required(name) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    before = script.partition("\nmake test\n")[0]
    assert re.search(rf"\bexport\b.*\b{name}=1\b", before)
