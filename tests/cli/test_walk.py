"""The walk of docs/running.md: its commands, on real Slurm, Ray and S3's protocol."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from allometry.curves.place import place
from allometry.curves.store import open_store
from tests.s3 import BUCKET

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"
STORES = ("walk", "processes", "ray", "slurm")
MAIN = "from allometry.cli.main import main; main()"


@pytest.fixture(scope="module")
def walk() -> str:
    """The section of the page."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("## From laptop") : text.index("## Several workers")]


@pytest.mark.slow
def test_every_command_of_the_walk_works_and_the_stores_are_the_same(
    walk, conf, s3, compiled_once, stores, tmp_path
):
    if not os.environ.get("REQUIRE_RAY"):
        pytest.importorskip("ray", reason="Ray is not installed: 'allometry[ray]'")
    study = re.search(r"```toml\n# walk\.toml\n(.*?)```", walk, re.DOTALL)
    assert study is not None
    (tmp_path / "walk.toml").write_text(study[1])
    # Of these, jobs of Slurm have none: their store is on the disk.
    environment = {
        **os.environ,
        **compiled_once,
        **s3.environment,
        "SLURM_CONF": str(conf),
        "HOME": str(tmp_path),
    }
    blocks = re.findall(r"```sh\n(.*?)```", walk, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 13
    for line in lines:
        verb, *words = shlex.split(line)
        assert verb == "allometry"
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
    whole = stores.deterministic(open_store(tmp_path / "runs" / "walk"))
    for name in STORES[1:]:
        made = open_store(tmp_path / "runs" / name)
        assert stores.deterministic(made) == whole, name
    bucket = open_store(place(f"s3://{BUCKET}/walk"))
    assert stores.deterministic(bucket) == whole
    assert (tmp_path / "bucket.csv").stat().st_size > 500
