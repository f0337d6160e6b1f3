"""What the laws' tests share: the published data, where they are."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of published data; skip where it does not stand beside us."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"The published data are not beside the project ({folder.name}/).")
    return folder
