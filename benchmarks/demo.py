"""The demo after set-up: law and page from nothing, and again when all is done.

`python benchmarks/demo.py` (bounds on two idle cores: 120 s and 4 GB). Runs
`allometry run quickstart` twice in a temporary folder, as `make demo` does, and prints
the wall time of each and the peak memory of both.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = "quickstart"


def main() -> None:
    command = Path(sys.executable).with_name("allometry")
    with tempfile.TemporaryDirectory() as folder:
        for which in ("first", "second"):
            start = time.monotonic()
            subprocess.run(
                [command, "run", STUDY, "--out", f"{folder}/demo"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            print(f"{which} run: {time.monotonic() - start:6.1f} s")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor:  {used.ru_utime + used.ru_stime:6.1f} s, both runs")
    print(f"memory:     {used.ru_maxrss / 2**20:6.2f} GiB at most")


if __name__ == "__main__":
    main()
