"""What does it cost to start a study's workers as processes, or on Ray?

Trains the same 64 bundles of one short run each in threads of one process (`--on
local`), in worker processes (`--processes`) and with `--on ray` (a cluster that is
started on this machine), as often as asked and in turns, and prints the seconds of each
command, from its start to the page, and their ratios. All have the same number of
workers.

    python benchmarks/launching.py --workers 2 --rounds 3
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """\
[environment]
name = "digits"

[agent]
name = "ppo"
horizon = 4

[training]
interactions = {interactions}
checkpoints = 10

[grid]
seeds = 8
runs_per_bundle = 1

[grid.agent]
width = [4, 6, 8, 10, 12, 16, 20, 24]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--interactions", type=int, default=65_536)
    options = parser.parse_args()
    many = str(options.workers)
    places = {
        "threads": ["--workers", many],
        "processes": ["--processes", many],
        "ray": ["--on", "ray", "--workers", many],
    }
    taken: dict[str, list[float]] = {place: [] for place in places}
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "bundles.toml"
        study.write_text(STUDY.format(interactions=options.interactions))
        for number in range(options.rounds):
            for place, seconds in taken.items():
                out = Path(folder) / f"{place}-{number}"
                seconds.append(train(study, out, places[place]))
                shutil.rmtree(out)
                print(f"round {number + 1}, {place}: {seconds[-1]:.1f} s", flush=True)
    base = statistics.median(taken["threads"])
    for place, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"median, {place}: {median:.1f} s, {median / base:.2f} times threads")


def train(study: Path, out: Path, how: list[str]) -> float:
    """Train the study from nothing; give the seconds that the command takes."""
    words = ["run", str(study), "--out", str(out), "--json", *how]
    command = [sys.executable, "-m", "allometry", *words]
    begun = time.monotonic()
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    seconds = time.monotonic() - begun
    assert json.loads(said.stdout)["runs"] == {"done": 64}
    return seconds


if __name__ == "__main__":
    main()
