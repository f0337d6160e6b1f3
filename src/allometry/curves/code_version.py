"""Code version: which Allometry trained a bundle, told beside its fingerprint.

The fingerprint hashes the source that decides numbers; a version and a commit say where
that source is to be had. They decide nothing: two versions of one source are the same.
"""

import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import allometry
from allometry.curves.manifest import Manifest

#: Seconds that git may take for an answer.
PATIENCE = 5.0
#: Variables that lead git to another repository than the code's, as in its hooks.
_ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
)


@functools.cache
def this_code() -> dict[str, Any]:
    """Describe the code of this process, as JSON-able values for a manifest.

    `version`, `commit` and `dirty`; git is asked once per process.
    """
    package = Path(allometry.__file__).parent
    return {"version": allometry.__version__, **checkout(package)}


def checkout(package: Path) -> dict[str, str | bool | None]:
    """Give the `commit` of the checkout of a package; `dirty` if it has changed since.

    A changed, a new or a missing file of the package makes it dirty. Both are None
    unless the package is `src/NAME` of a repository whose commit holds it: one that
    merely lies around a virtual environment is never asked. None, too, where git is
    missing, fails or takes longer than `PATIENCE`.
    """
    package = package.resolve()
    root, inside = package.parent.parent, f"src/{package.name}"
    found = None
    # Looked for first: where nothing is checked out, git need not be there either.
    if package.parent.name == "src" and (root / ".git").exists():
        found = _git(root, "rev-parse", "HEAD", f"HEAD:{inside}/__init__.py")
    if found is None:
        return {"commit": None, "dirty": None}
    options = "--porcelain", "--untracked-files=normal", "--no-renames"
    changed = _git(root, "status", *options, "--", inside)
    return {
        "commit": found.split()[0],
        "dirty": None if changed is None else bool(changed),
    }


def told(code: Any) -> str:
    """Say it in words, as in "allometry 0.1.0, commit 051cdf1, with local changes"."""
    if not isinstance(code, Mapping) or not code.get("version"):
        return "a version that is not on record"
    said = f"allometry {code['version']}"
    if not code.get("commit"):
        return said
    said += f", commit {str(code['commit'])[:7]}"
    if code.get("dirty") is None:
        return f"{said}, local changes not known"
    return f"{said}, with local changes" if code["dirty"] else said


def told_of_bundle(state: Manifest) -> list[str]:
    """Say what each attempt that left rows ran; of a copied record, the last alone."""
    if not state.curves:
        return []
    history = state.metadata.get("history") or {}
    attempts = history.get("attempts") or [state.metadata]
    return [told(each.get("code_version")) for each in attempts]


def _git(root: Path, *asked: str) -> str | None:
    """Ask git, which neither locks, prompts nor starts a helper; None if it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in _ELSEWHERE}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        answer = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-C", str(root), *asked],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None
