"""A Ray cluster of this machine, for as long as somebody holds its standard input.

`python -m allometry.launching.ray_head` prints the address. The cluster's own servers
are on loopback, and there is no dashboard; Ray's workers listen on every interface
whatever they are told, so that whoever starts this sets a token (RAY_AUTH_TOKEN).
"""

import signal
import sys

from allometry.launching.ray import library

#: On loopback; Ray takes 127.0.0.1 for the machine's address in the network.
ADDRESS = "127.0.0.2"
#: Times that it is tried: Ray gives its own helpers 15 s to come up, which a busy
#: machine may not have.
STARTS = 3
#: Bytes of Ray's object store, which only sentences pass through.
OBJECTS = 80_000_000


def main() -> None:
    """Start the cluster, print its address, and end with the standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command
    ray = library()
    for left in reversed(range(STARTS)):
        try:
            started = ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=OBJECTS,
                log_to_driver=False,
                logging_level="ERROR",
                _node_ip_address=ADDRESS if sys.platform == "linux" else "127.0.0.1",
            )
            break
        except Exception:  # Ray raises no class of its own here
            ray.shutdown()
            if not left:
                raise
    print(started.address_info["gcs_address"], flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()
