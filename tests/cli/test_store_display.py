"""The store's display: a store that cannot be read leaves the terminal as it was."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from allometry.cli import store_display
from allometry.cli.store_display import StoreDisplay

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.mark.parametrize("good_looks", [0, 1])
def test_the_cursor_comes_back_where_the_store_is_away(
    stores, tmp_path, monkeypatch, good_looks
):
    store = stores.simulated(tmp_path / "s", sizes=2)
    looks, real = [], store_display.status

    def status(store):
        looks.append(store)
        if len(looks) > good_looks:
            raise OSError("away")
        return real(store)

    monkeypatch.setattr(store_display, "status", status)
    console = Console(file=io.StringIO(), force_terminal=True)
    with pytest.raises(OSError, match="away"), StoreDisplay(store, console):
        pass
    said = console.file.getvalue()
    assert said.rindex(SHOW) > said.rindex(HIDE)


def test_it_loads_no_jax():
    code = "import sys, allometry.cli.store_display; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
