"""Fits: the one law that a path names, fitted if that has not been done."""

from pathlib import Path
from typing import TYPE_CHECKING

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.laws.fitted import Fit


def fit_of(path: Path) -> "Fit":
    """Read the fit that `path` is, or that its folder has.

    A study's folder without one is fitted first. Raises `Refusal` where there is none,
    or several.
    """
    from allometry.curves.imported import RECORD
    from allometry.curves.store import open_store
    from allometry.laws import card
    from allometry.reports import verdict

    if not path.is_dir():
        return _read(path)
    files = verdict.fit_files(path)
    if not files and (path / RECORD).is_file():
        raise Refusal(
            f"{path} has no fit yet. Make one: allometry fit {path} --law NAME."
        )
    if not files:
        store = open_store(path)
        files = verdict.store_verdicts(store, verdict.verdicts(store))
    if len(files) > 1:
        names = ", ".join(str(file) for file in files)
        raise Refusal(f"{path} holds several laws; name one of its files: {names}.")
    return card.read(files[0])


def _read(path: Path) -> "Fit":
    """Read a fit; say of a table that it is one."""
    from allometry.curves.from_long import SUFFIXES
    from allometry.laws import card

    try:
        return card.read(path)
    except Refusal:
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            raise
        raise Refusal(
            f"{path} is a table, not a fit: allometry fit {path} first."
        ) from None
