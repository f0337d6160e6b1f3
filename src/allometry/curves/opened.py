"""Opened curves: a folder, whether a study wrote it or an import."""

from pathlib import Path

from allometry.curves.imported import RECORD, Imported, open_import
from allometry.curves.place import Place, place
from allometry.curves.store import Store, open_store


def is_study(path: Place) -> bool:
    """Say whether `path` is to be a study's folder: no import, and no file.

    In a bucket there are no imports, and a name that ends in `.json` is a file.
    """
    if isinstance(path, Path):
        return path.is_dir() and not (path / RECORD).is_file()
    return not path.name.endswith(".json")


def open_curves(path: str | Place) -> Store | Imported:
    """Open a study's store or an import, by what is in the folder.

    Imports are on disks only. Raises `Refusal` if it is neither.
    """
    folder = place(path)
    if isinstance(folder, Path) and (folder / RECORD).is_file():
        return open_import(folder)
    return open_store(folder)
