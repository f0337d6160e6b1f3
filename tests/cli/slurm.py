"""A Slurm of one node in a folder: Debian's daemons, on loopback, ended by pid."""

import contextlib
import getpass
import os
import re
import secrets
import shutil
import socket
import subprocess
import time

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch")

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=60
SchedulerParameters=sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Name the programs that are not on this machine."""
    return [tool for tool in TOOLS if _path(tool) is None]


@contextlib.contextmanager
def cluster(folder):
    """Run a cluster; give the path of its slurm.conf once its node is idle."""
    conf = _configure(folder)
    started = []

    def start(*words):
        with (folder / f"{words[0]}.out").open("wb") as out:
            command = [_path(words[0]), *map(str, words[1:])]
            environment = {**os.environ, "SLURM_CONF": str(conf)}
            process = subprocess.Popen(
                command, stdout=out, stderr=out, env=environment, cwd=folder
            )
        started.append(process)

    try:
        files = [f"--{kind}-file={folder}/munge.{kind}" for kind in _MUNGE]
        start("munged", "--foreground", "--force", f"-S{folder}/munge.socket", *files)
        _wait((folder / "munge.socket").exists, "munged")
        start("slurmctld", "-D", "-f", conf)
        start("slurmd", "-D", "-f", conf)
        _wait(lambda: "idle" in ask(conf, "sinfo", "-h", "-o%T"), "the node")
        yield conf
        ask(conf, "scancel", f"--user={getpass.getuser()}")
        _wait(lambda: not ask(conf, "squeue", "-h"), "the end of all jobs")
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


def ask(conf, *words):
    """Ask Slurm; give what it answers, and nothing while it does not."""
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    asked = subprocess.run(words, env=environment, capture_output=True, text=True)
    return asked.stdout


_MUNGE = ("key", "pid", "log", "seed")


def _configure(folder):
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    controller, node = _free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller=controller,
            node=node,
        )
    )
    said = subprocess.run([_path("slurmd"), "-V"], capture_output=True, text=True)
    version = tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2])
    # No job is put into a cgroup; before 23.02 a plugin must be named all the same.
    plugin = "disabled" if version >= (23, 2) else "cgroup/v1"
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
    return conf


def _free_ports(count):
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _path(tool):
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _wait(ready, what):
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not come within a minute"
        time.sleep(0.1)
