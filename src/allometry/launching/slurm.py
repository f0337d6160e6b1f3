"""Slurm: the workers of a study as one array of jobs.

Each job is a plain `allometry work STORE`. A job whose time is nearly up has its worker
commit, and queues again; one that is preempted or whose node is lost is queued again by
Slurm (`--requeue`). Either goes on from the store, as any other worker would.
"""

import dataclasses
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from allometry.curves import durable
from allometry.launching.worker import Worker, passed
from allometry.refusal import Refusal

#: Workers of an array where no number was asked for.
WORKERS = 8
#: Seconds that `sbatch` and `squeue` are waited for.
PATIENCE = 60.0
#: What Slurm sends to the script, and how many seconds before the time is up.
SIGNAL = "B:USR1@60"
#: Options that this file gives itself.
OURS = ("array", "job-name", "parsable", "test-only", "wait", "wrap")

_KEY = re.compile(r"[a-z][a-z-]+")

SCRIPT = """\
#!/bin/bash
# A worker of the study in {store}
# `allometry run --on slurm` wrote this, and submitted it by
#   {submitted}
#
# USR1 comes when the time is nearly up: the worker commits and gives its bundle back,
# and the job queues again. TERM (scancel, preemption, the end of the time) Slurm sends
# to the worker too, and decides itself what becomes of the job: what USR1 asked for
# before is off, and what it asks for after is not heard.
told= late=
trap 'told=yes late=yes; kill -TERM "$worker"' USR1
trap 'told=yes late=; trap "" USR1' TERM
{command} &
worker=$!
while told=; wait "$worker"; code=$?; [ -n "$told" ]; do :; done
# 130: stopped, with work left.
if [ -n "$late" ] && [ "$code" -eq 130 ]; then
  exec {scontrol} requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


@dataclasses.dataclass(frozen=True)
class Submitted:
    """An array of workers that Slurm has accepted."""

    job: str
    workers: int
    script: Path
    logs: str
    """Where the jobs write, with `*` for the number of the worker."""


def options(given: Sequence[str]) -> Mapping[str, str | None]:
    """Read `KEY=VALUE` and `KEY`, options of `sbatch` without their dashes.

    Raises `Refusal` for what is none, comes twice or is decided here.
    """
    found: dict[str, str | None] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not _KEY.fullmatch(key) or not (value + "x").isprintable():
            raise Refusal(
                f"--slurm {text!r} is no option of sbatch: write its long name without "
                "dashes, such as --slurm partition=gpu or --slurm time=8:00:00."
            )
        if key in OURS:
            raise Refusal(
                f"--slurm {key}: Allometry sets this itself; --workers gives the size "
                "of the array."
            )
        if key in found:
            raise Refusal(f"--slurm gives {key!r} twice; keep one.")
        found[key] = value if sign else None
    return found


def submit(
    worker: Worker,
    workers: int,
    folder: Path,
    name: str,
    more: Mapping[str, str | None],
) -> Submitted:
    """Submit an array of workers; the script and their logs are kept in `folder`.

    `more` are options of `sbatch`, which come after and win over those given here.
    Raises `Refusal` where there is no Slurm, and for what it refuses.
    """
    durable.make_folder(folder)
    script = folder.resolve() / "work.sh"
    command = [*_options(script.parent, workers, name, more), str(script)]
    durable.replace(script, _script(worker, command).encode())
    job = _ask(command).strip().partition(";")[0]
    return Submitted(job, workers, script, _logs(folder, job, name, more))


def is_over(job: str) -> bool:
    """Say whether no worker of an array runs or waits for its turn."""
    asked = ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"]
    try:
        states = set(_ask(asked).split())
    except Refusal as error:
        # A job that ended some time ago is not known any more.
        return "Invalid job id" in str(error)
    # Not NODE_FAIL and PREEMPTED: `--requeue` brings these back, and if it was taken
    # away, Slurm soon knows the job no more.
    ended = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY"}
    return states <= ended | {"BOOT_FAIL", "REVOKED"}


def _options(
    folder: Path, workers: int, name: str, more: Mapping[str, str | None]
) -> list[str]:
    given: dict[str, str | None] = {
        "parsable": None,
        "job-name": name,
        "array": f"1-{workers}",
        "requeue": None,
        "signal": SIGNAL,
        "open-mode": "append",
        "output": f"{folder}/%A_%a.log".replace("%", "%%", str(folder).count("%")),
        # By name: with NONE or names, a job has the environment of a fresh login.
        "export": ",".join(passed()) or "NONE",
    }
    words = [
        f"--{key}" if value is None else f"--{key}={value}"
        for key, value in (given | dict(more)).items()
    ]
    return ["sbatch", *words]


def _logs(folder: Path, job: str, name: str, more: Mapping[str, str | None]) -> str:
    """Say where the jobs write, with `*` for what differs from one to the other."""
    given = more.get("output")
    if not given:
        return f"{folder}/{job}_*.log"
    known = {"A": job, "x": name, "%": "%"}
    path = re.sub(r"%\d*([A-Za-z%])", lambda found: known.get(found[1], "*"), given)
    return str(Path(more.get("chdir") or "", path))


def _script(worker: Worker, command: Sequence[str]) -> str:
    return SCRIPT.format(
        store=_line(worker.store),
        submitted=_line(shlex.join(command)),
        command=shlex.join([sys.executable, *worker.words]),
        scontrol=shlex.quote(shutil.which("scontrol") or "scontrol"),
    )


def _line(text: str) -> str:
    """Keep a comment a comment: a folder's name may hold anything."""
    return text.replace("\n", "?").replace("\r", "?")


def _ask(command: Sequence[str]) -> str:
    """Run a command of Slurm; raise `Refusal` with what it says where it refuses."""
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError as error:
        raise Refusal(
            f"There is no {command[0]} on this machine: start this on a machine of a "
            "Slurm cluster (its login node), or train with --on local."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Refusal(
            f"{command[0]} gave no answer in {PATIENCE:.0f} s: Slurm's controller "
            "cannot be reached. The same command tries again."
        ) from error
    if asked.returncode:
        said = " ".join(asked.stderr.replace(f"{command[0]}: ", "").split())
        raise Refusal(
            f"{command[0]} refused: {said.removesuffix('.')}. Options of the job are "
            "changed by --slurm KEY=VALUE."
        )
    return asked.stdout
