"""Who only fits laws never waits for JAX."""

import subprocess
import sys

import pytest

HELP = """\
sys.argv = ["allometry", "fit", "--help"]
from allometry.cli.main import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


@pytest.mark.parametrize(
    "code", ["import allometry.laws", "import allometry.curves", HELP]
)
def test_jax_is_left_out(code: str) -> None:
    told = f"import sys\n{code}\nassert 'allometry' in sys.modules\n"
    told += "assert 'jax' not in sys.modules"
    command = [sys.executable, "-c", told]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
