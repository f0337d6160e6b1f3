"""Opened curves: a folder, whether a study wrote it or an import."""

from pathlib import Path

from allometry.curves.imported import RECORD, Imported, open_import
from allometry.curves.store import Store, open_store


def open_curves(path: str | Path) -> Store | Imported:
    """Open a study's store or an import, by what is in the folder.

    Raises `Refusal` if it is neither.
    """
    folder = Path(path)
    if (folder / RECORD).is_file():
        return open_import(folder)
    return open_store(folder)
