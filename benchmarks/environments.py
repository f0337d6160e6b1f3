"""Environments: XLand's steps per second beside XLand-MiniGrid and Kinetix, in turns.

Random actions, 1,024 copies, resets included. Each environment is a process of its own,
under the interpreter that has it; they take turns, and the best of the rounds counts.

    python -m venv XM && XM/bin/pip install xminigrid
    python -m venv KX && KX/bin/pip install kinetix-env
    python benchmarks/environments.py --xminigrid XM/bin/python --kinetix KX/bin/python

`--sweep FILE.png` draws agent steps per second against objects, rules and players
instead; `--many` goes from 1,024 to 262,144 copies, for an accelerator.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

WORKER = Path(__file__).with_name("environments_worker.py")
#: Steps per second as a share of another's, and alone, that are asked for.
BOUNDS = {"xminigrid": 1.0, "kinetix": 10.0}
PIXELS, COMPILE, BYTES = 10_000, 20.0, 4096
SWEEP = {
    "objects": (6, 8, 16, 32),
    "rules": (2, 4, 8, 16),
    "players": (1, 2, 3, 4),
}


class Worker:
    """An environment in a process of its own that steps when it is told to."""

    def __init__(self, python: str, *words: str) -> None:
        """Start it and wait until it is compiled."""
        self.process = subprocess.Popen(
            [python, str(WORKER), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._answer()
        self.best = 0.0

    def turn(self) -> None:
        """Step for a while; keep the best speed."""
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)
        self.best = max(self.best, self._answer())

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self):
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"Ended early: {' '.join(map(str, self.process.args))}")
        return json.loads(line)


def race(workers: dict[str, Worker], rounds: int) -> None:
    """Let the workers take turns, then end them."""
    for _ in range(rounds):
        for worker in workers.values():
            worker.turn()
    for worker in workers.values():
        worker.close()


def compare(options: argparse.Namespace) -> None:
    """Print the table of environments beside each other."""
    copies = ("--copies", str(options.copies))
    workers = {
        f"XLand, {view}": Worker(sys.executable, "xland", "--view", view, *copies)
        for view in ("entities", "rays", "language")
    }
    workers["XLand, pixels"] = Worker(
        sys.executable, "xland", "--view", "pixels", "--steps", "20", *copies
    )
    peers = {name: getattr(options, name) for name in BOUNDS}
    for name, python in peers.items():
        if python:
            steps = ("--steps", "20") if name == "kinetix" else ()
            workers[name] = Worker(python, name, *steps, *copies)
        else:
            print(f"{name}: skipped; name an interpreter that has it with --{name}.")
    race(workers, options.rounds)
    ours = workers["XLand, entities"]
    for name, worker in workers.items():
        ratio = ours.best / worker.best
        said = [
            f"{name:16s} {worker.best:>12,.0f} steps/s",
            f"entities are {ratio:.2f} × as fast",
            f"compiled in {worker.about['compile_seconds']:.1f} s",
        ]
        if name in BOUNDS:
            said.append(_verdict(ratio >= BOUNDS[name], f"{BOUNDS[name]:g} ×"))
        print("; ".join(said))
    pixels = workers["XLand, pixels"].best
    print(f"pixels: {_verdict(pixels >= PIXELS, f'{PIXELS:,} steps/s')}")
    compiled = max(w.about["compile_seconds"] for n, w in workers.items() if "XL" in n)
    print(f"compilation: {_verdict(compiled <= COMPILE, f'{COMPILE:g} s')}")
    size = ours.about["state_bytes"]
    print(f"a state takes {size:,.0f} bytes: {_verdict(size <= BYTES, f'{BYTES:,}')}")


def sweep(options: argparse.Namespace) -> None:
    """Draw agent steps (one for each player) per second against each dial.

    The other dials are held. A dashed line is what a cost would give that is quadratic
    in bodies.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SWEEP), figsize=(9, 3), sharey=True)
    for axis, (dial, values) in zip(axes, SWEEP.items(), strict=True):
        speeds = []
        for value in values:
            dials = {**_roomy(), dial: value}
            worker = Worker(sys.executable, "xland", "--dials", json.dumps(dials))
            race({dial: worker}, options.rounds)
            speeds.append(worker.best * dials["players"])
            print(f"{dial} = {value}: {speeds[-1]:,.0f} agent steps/s")
        axis.loglog(values, speeds, "o-", color="#3b5bdb")
        bodies = [_bodies({**_roomy(), dial: value}) for value in values]
        if len(set(bodies)) > 1:
            worst = [speeds[0] * (bodies[0] / count) ** 2 for count in bodies]
            axis.loglog(values, worst, "--", color="#868e96")
            holds = all(a >= b for a, b in zip(speeds, worst, strict=True))
            print(f"{dial}: {_verdict(holds, 'a cost quadratic in bodies')}")
        axis.set_xticks(values, [str(value) for value in values])
        axis.minorticks_off()
        axis.set_xlabel(dial)
    axes[0].set_ylabel("agent steps per second")
    figure.tight_layout()
    figure.savefig(options.sweep, dpi=160)
    print(f"Written: {options.sweep}")


def _roomy() -> dict[str, int]:
    """Give dials in which each of the others can go up alone."""
    return {"arena": 15, "objects": 8, "rules": 4, "chain": 2, "players": 1}


def _bodies(dials: dict[str, int]) -> int:
    return dials["objects"] + dials["players"]


def many(options: argparse.Namespace) -> None:
    """Print steps per second from 1,024 copies up, fourfold each time."""
    for power in range(5):
        copies = str(1024 * 4**power)
        worker = Worker(sys.executable, "xland", "--copies", copies)
        race({copies: worker}, options.rounds)
        device = worker.about["device"]
        print(f"{int(copies):>8,} copies: {worker.best:>14,.0f} steps/s on {device}")


def _verdict(holds: bool, bound: str) -> str:
    return f"{'within' if holds else 'MISSES'} the bound of {bound}"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--xminigrid", help="a Python that has xminigrid")
    parser.add_argument("--kinetix", help="a Python that has kinetix-env")
    parser.add_argument("--copies", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sweep", type=Path, help="draw speed against dials here")
    parser.add_argument("--many", action="store_true", help="1,024 to 262,144 copies")
    options = parser.parse_args(words)
    if options.sweep:
        sweep(options)
    elif options.many:
        many(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
