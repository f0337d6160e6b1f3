"""A Ray cluster of two nodes of one core each, in a process of its own.

Prints its address; removes the second node when it reads a line, and ends at the next.
"""

import contextlib
import os
import socket
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"  # it is on loopback

from ray.cluster_utils import Cluster

#: Where their ports are given, Ray does not wait for its helpers to come up: a busy
#: machine takes longer than the 15 s that it allows them.
HELPERS = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)


#: On loopback, and not 127.0.0.1, which Ray takes for the machine's own address.
ADDRESS = "127.0.0.2"


def node():
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in HELPERS]
        for each in sockets:
            each.bind((ADDRESS, 0))
        ports = [each.getsockname()[1] for each in sockets]
    return {
        "num_cpus": 1,
        "include_dashboard": False,
        "node_ip_address": ADDRESS,
        "object_store_memory": 80_000_000,
        **dict(zip(HELPERS, ports, strict=True)),
    }


def main():
    cluster = Cluster(initialize_head=True, head_node_args=node())
    try:
        second = cluster.add_node(**node())
        print(cluster.address, flush=True)
        sys.stdin.readline()
        cluster.remove_node(second, allow_graceful=False)
        print("removed", flush=True)
        sys.stdin.readline()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
