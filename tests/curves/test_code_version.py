"""Which Allometry ran: its version, and what git says of the checkout that holds it."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import allometry
from allometry.curves import code_version, compact
from allometry.curves.code_version import checkout, this_code, told
from allometry.curves.store import open_store

NOWHERE = {"commit": None, "dirty": None}
COMMIT = "051cdf197c57baf631c351d408c923c06fc78323"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *asked: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", *who, "-C", str(folder), *asked]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def written(package: Path) -> Path:
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "law.py").write_text("exponent = 0.5\n")
    return package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in a checkout of its own, nothing changed since the commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # tests may themselves run in a hook
    root = tmp_path / "project"
    package = written(root / "src" / "measured")
    (root / ".gitignore").write_text("__pycache__/\n.venv/\n")
    (root / "README.md").write_text("Hello.\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Begin")
    return package


def head(package: Path) -> str:
    return git(package, "rev-parse", "HEAD").strip()


@needs_git
def test_a_checkout_has_its_commit_and_is_clean(package):
    assert checkout(package) == {"commit": head(package), "dirty": False}
    assert len(head(package)) == 40


@needs_git
@pytest.mark.parametrize("change", ["changed", "staged", "new", "missing"])
def test_a_package_that_is_not_the_commits_is_dirty(package, change):
    if change == "missing":
        (package / "law.py").unlink()
    else:
        name = "new.py" if change == "new" else "law.py"
        (package / name).write_text("exponent = 0.6\n")
    if change == "staged":
        git(package, "add", ".")
    assert checkout(package) == {"commit": head(package), "dirty": True}


@needs_git
def test_what_is_not_of_the_package_or_ignored_makes_nothing_dirty(package):
    (package.parent.parent / "README.md").write_text("Other words.\n")
    (package.parent.parent / "notes.txt").write_text("New.\n")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "law.pyc").write_bytes(b"\0")
    assert checkout(package) == {"commit": head(package), "dirty": False}


@needs_git
def test_a_linked_worktree_is_a_checkout(package, tmp_path):
    git(package, "worktree", "add", "-q", str(tmp_path / "beside"))
    found = checkout(tmp_path / "beside" / "src" / "measured")
    assert found == {"commit": head(package), "dirty": False}


@needs_git
@pytest.mark.parametrize(
    "place",
    [
        ".venv/lib/python3.12/site-packages/allometry",  # ignored, as it mostly is
        "env/lib/site-packages/allometry",  # neither ignored nor tracked
        "src/allometry",  # beside the project's own package, and not of its commit
    ],
)
def test_a_repository_that_lies_around_a_package_is_not_its_own(package, place):
    assert checkout(written(package.parent.parent / place)) == NOWHERE


@needs_git
def test_a_package_within_another_project_is_not_that_projects_commit(package):
    """Not even where that project has committed its virtual environment."""
    root = package.parent.parent
    installed = written(root / "env" / "site-packages" / "allometry")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "All of it")
    assert checkout(installed) == NOWHERE


@needs_git
def test_a_repository_without_a_commit_has_none(tmp_path):
    package = written(tmp_path / "src" / "measured")
    git(tmp_path, "init", "-q")
    assert checkout(package) == NOWHERE


def test_outside_of_git_there_is_none(tmp_path):
    assert checkout(written(tmp_path / "src" / "measured")) == NOWHERE
    assert checkout(tmp_path / "absent") == NOWHERE


def test_a_folder_that_only_looks_like_a_repository_has_none(tmp_path):
    (tmp_path / ".git").mkdir()
    assert checkout(written(tmp_path / "src" / "measured")) == NOWHERE


@needs_git
def test_without_git_on_the_path_there_is_none(package, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "absent"))
    assert checkout(package) == NOWHERE


def stand_in(tmp_path, monkeypatch, script: str) -> None:
    """Put another `git` before the real one."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


@needs_git
def test_a_git_that_hangs_is_left(package, tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(code_version, "PATIENCE", 0.2)
    begun = time.monotonic()
    assert checkout(package) == NOWHERE
    assert time.monotonic() - begun < 10


@needs_git
def test_where_only_the_status_fails_the_commit_stays_known(
    package, tmp_path, monkeypatch
):
    real = shutil.which("git")
    script = f'for word in "$@"; do [ "$word" = status ] && exit 128; done\n{real} "$@"'
    stand_in(tmp_path, monkeypatch, script)
    found = checkout(package)
    assert found == {"commit": head(package), "dirty": None}
    assert "local changes not known" in told({"version": "1", **found})


@needs_git
def test_variables_of_a_hook_do_not_lead_elsewhere(package, tmp_path, monkeypatch):
    git(tmp_path, "init", "-q", "other")
    before = head(package)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / "index"))
    assert checkout(package) == {"commit": before, "dirty": False}


def test_this_code_is_the_package_that_is_imported():
    found = this_code()
    assert found["version"] == allometry.__version__
    assert found == {"version": allometry.__version__} | checkout(
        Path(allometry.__file__).parent
    )
    assert json.loads(json.dumps(found)) == found


def test_git_is_asked_once_per_process(monkeypatch):
    this_code()
    monkeypatch.setattr(subprocess, "run", None)
    this_code()


@pytest.mark.parametrize(
    ("commit", "dirty", "said"),
    [
        (None, None, "allometry 0.1.0"),
        (COMMIT, False, "allometry 0.1.0, commit 051cdf1"),
        (COMMIT, True, "allometry 0.1.0, commit 051cdf1, with local changes"),
        (COMMIT, None, "allometry 0.1.0, commit 051cdf1, local changes not known"),
    ],
)
def test_it_is_told_in_words(commit, dirty, said):
    assert told({"version": "0.1.0", "commit": commit, "dirty": dirty}) == said


@pytest.mark.parametrize("record", [None, {}, "0.1.0", [1]])
def test_what_no_record_holds_is_told_as_such(record):
    assert told(record) == "a version that is not on record"


def test_a_store_tells_every_attempts_code_once_compacted_or_not(store, study):
    codes = [{"version": f"0.{n}", "commit": None, "dirty": None} for n in range(3)]
    attempts = [{"attempt": 1 + n, "code_version": codes[n]} for n in (1, 2)]
    assert store.code_versions(store.bundles) == ()
    four, eight = store.claim("w4", {}), store.claim("w8", {})
    assert store.code_versions(store.bundles) == ()  # claimed, and nothing trained
    told_of = {"history": {"attempts": attempts}, "code_version": codes[2]}
    study.commit(four, 0, finished=True, metadata=told_of)
    rows = study.rows_at(0, runs=("w8-s0", "w8-s1"))
    own = {"curves": rows, "scores": None, "status": {}, "finished": True}
    study.commit(eight, 0, **own, metadata={"code_version": codes[2]})
    for _ in range(2):
        found = open_store(store.path)
        assert found.code_versions(["w4"]) == ("allometry 0.1", "allometry 0.2")
        assert found.code_versions(["w8"]) == ("allometry 0.2",)
        assert set(found.code_versions(found.bundles)) == {
            "allometry 0.1", "allometry 0.2"
        }  # fmt: skip
        assert found.progress("w4") == told_of
        compact.compact(store)


def test_a_store_that_an_older_allometry_wrote_says_nothing_that_is_not_known(
    store, study
):
    study.commit(store.claim("w4", {}), 0)
    assert store.code_versions(["w4"]) == ("a version that is not on record",)
