"""Ray: the workers of a study as tasks on a cluster, or on one that is started here.

Each task starts a plain `allometry work STORE` on its node and waits for it. A task
whose node is lost is started again on another; the worker there takes up what the
lost one had in hand, from its last commit. Ray is an extra.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from allometry.launching.worker import Worker, passed
from allometry.refusal import Refusal

#: Times that a task is started again after its node or process was lost.
RETRIES = 100
#: Seconds that a cluster is waited for, and that workers have to commit.
REACH, GRACE = 10.0, 300.0
#: Seconds between two looks of a task at its worker.
LOOK = 0.2
#: Bytes of a worker's output that are told if it fails.
TOLD = 4000


class Ended(NamedTuple):
    """How a worker has ended: its exit code, and the last that it said."""

    code: int
    said: str


@contextlib.contextmanager
def joined(address: str | None) -> Iterator["Cluster"]:
    """Join the cluster at `address`, or at RAY_ADDRESS; or start one on this machine.

    Raises `Refusal` where Ray is not installed or the cluster cannot be reached.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        # Whoever else is on this machine could else have it run anything.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    ray = library()
    with _started() if address == "local" else contextlib.nullcontext(address) as found:
        _join(ray, found)
        try:
            yield Cluster(ray, own=address == "local")
        finally:
            ray.shutdown()


class Cluster:
    """A Ray cluster that this process has joined."""

    def __init__(self, ray: Any, *, own: bool):
        """Look at what there is; `own`: started for this command, it does not grow."""
        self._ray = ray
        self._own = own
        found: Mapping[str, float] = ray.cluster_resources()
        self.cpus = found.get("CPU", 0.0)
        self.gpus = found.get("GPU", 0.0)

    def slots(self, cpus: float) -> int:
        """Count the workers that fit: one per GPU, or one per `cpus` cores."""
        fit = self.gpus if self.gpus else self.cpus / cpus
        return max(1, int(fit))

    def lack(self, cpus: float) -> str | None:
        """Say what no node has for a worker of `cpus` cores, if none has it.

        Raises `Refusal` where no other node can come.
        """
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        gpus = 1 if self.gpus else 0
        if any(
            node.get("CPU", 0.0) >= cpus and node.get("GPU", 0.0) >= gpus
            for node in nodes
        ):
            return None
        needed = f"{cpus:g} cores" + " and a GPU" * gpus
        sentence = f"No node of the cluster has {needed}, which a worker is to take"
        if self._own:
            raise Refusal(f"{sentence}: give fewer --cpus-per-worker.")
        return f"{sentence}: all wait for one. Ctrl-C, or fewer --cpus-per-worker."

    def start(self, worker: Worker, workers: int, cpus: float) -> "Crew":
        """Start workers, as soon as there is room for each; none fits the law."""
        task = self._ray.remote(
            num_cpus=cpus,
            num_gpus=1 if self.gpus else 0,
            max_retries=RETRIES,
            max_calls=1,
            scheduling_strategy="SPREAD",
        )(work)
        words, environment = (*worker.words, "--no-conclude"), dict(passed())
        return Crew(
            self._ray, [task.remote(words, environment) for _ in range(workers)]
        )


class Crew:
    """The workers of a study on a cluster."""

    def __init__(self, ray: Any, tasks: Sequence[Any]):
        """Hold the tasks."""
        self._ray = ray
        self._tasks = list(tasks)

    @property
    def is_over(self) -> bool:
        """Whether no worker is left, and none waits for room or for another node."""
        ready, _ = self._ray.wait(self._tasks, num_returns=len(self._tasks), timeout=0)
        return len(ready) == len(self._tasks)

    def stop(self) -> None:
        """Have every worker commit and end; wait until they have."""
        for task in self._tasks:
            self._ray.cancel(task)
        self._ray.wait(self._tasks, num_returns=len(self._tasks), timeout=GRACE)

    def failures(self) -> list[str]:
        """Say, once all is over, why workers have ended that failed."""
        found = []
        for task in self._tasks:
            try:
                ended = self._ray.get(task, timeout=0)
            except self._ray.exceptions.TaskCancelledError:
                continue
            except (self._ray.exceptions.RayError, RuntimeError) as error:
                found.append(_last_line(str(error)))
            else:
                if ended.code:
                    found.append(_last_line(ended.said) or f"exit code {ended.code}")
        return found


def work(words: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a worker on this node to its end; where the task is cancelled, stop it."""
    # Ray cancels by an interrupt, which is ignored below a shell's background job.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            # Not `wait`: the interrupt ends no system call.
            while process.poll() is None:
                time.sleep(LOOK)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        length = said.seek(0, os.SEEK_END)
        said.seek(max(0, length - TOLD))
        return Ended(process.returncode, said.read().decode(errors="replace"))


def library() -> Any:
    """Import Ray; raise `Refusal` where it is not installed."""
    # Before the import, which reads the environment: nothing is reported to anybody.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise Refusal(
            "Ray is not installed: pip install 'allometry[ray]', or train with "
            "--on local or --on slurm."
        ) from error
    return ray


@contextlib.contextmanager
def _started() -> Iterator[str]:
    """Start a cluster of this machine in a process of its own; give its address.

    Ray forks, which a process with JAX's threads must not.
    """
    command = [sys.executable, "-P", "-m", "allometry.launching.ray_head"]
    head = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        address = head.stdout.readline().strip() if head.stdout else ""
        if not address:
            raise Refusal(
                "Ray did not start on this machine; why is said above. Try again when "
                "it is less busy, or train with --on local."
            )
        yield address
    finally:
        head.communicate()  # it ends with its standard input


def _join(ray: Any, address: str) -> None:
    _reach(ray, address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except ray.exceptions.AuthenticationError as error:
        raise Refusal(
            f"The Ray cluster at {address} asks for another token than this command "
            "has: give it by RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH."
        ) from error
    except (
        ray.exceptions.RayError,
        ConnectionError,
        RuntimeError,
        ValueError,
        TimeoutError,
    ) as error:
        raise _unreachable(address, _last_line(str(error))) from error


def _reach(ray: Any, address: str) -> None:
    """Refuse an address where nobody listens; Ray itself would wait for minutes."""
    host, sign, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not (sign and host and port.isdecimal()):
        raise Refusal(
            f"{address!r} is no address of a Ray cluster: give host:port, such as "
            "10.0.0.1:6379."
        )
    host = host.strip("[]")
    if host in ("localhost", "127.0.0.1", "::1"):  # what Ray makes of these
        host = ray.util.get_node_ip_address()
    try:
        socket.create_connection((host, int(port)), REACH).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, why: str) -> Refusal:
    return Refusal(
        f"The Ray cluster at {address} cannot be reached: {why.removesuffix('.')}. "
        "Start it (ray start --head), correct --ray-address or RAY_ADDRESS, or leave "
        "both out to start one on this machine."
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
