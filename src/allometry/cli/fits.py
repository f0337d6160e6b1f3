"""Fits: the one law that a path names, fitted if that has not been done; its file."""

from pathlib import Path
from typing import TYPE_CHECKING

from allometry.refusal import Refusal

#: Bytes of a fit that is read from a bucket.
LIMIT = 64 * 2**20

if TYPE_CHECKING:
    from allometry.curves.place import Place
    from allometry.laws.fitted import Fit


def fit_of(path: "Place") -> "Fit":
    """Read the fit that `path` is, or that its folder has.

    A study's folder without one is fitted first. Raises `Refusal` where there is none,
    or several.
    """
    from allometry.curves.opened import is_study
    from allometry.curves.store import open_store
    from allometry.reports import verdict

    study = is_study(path)
    if not study and not (isinstance(path, Path) and path.is_dir()):
        return _read(path)
    files = verdict.fit_files(path)
    if not files and not study:
        raise Refusal(
            f"{path} has no fit yet. Make one: allometry fit {path} --law NAME."
        )
    if not files:
        store = open_store(path)
        files = verdict.store_verdicts(store, verdict.verdicts(store))
    if len(files) > 1:
        names = ", ".join(str(file) for file in files)
        raise Refusal(f"{path} holds several laws; name one of its files: {names}.")
    return read_fit(files[0])


def read_fit(path: "Place") -> "Fit":
    """Read a fit from a disk or a bucket; raises `Refusal` like `card.read`."""
    from allometry.curves import durable
    from allometry.curves.place import Remote
    from allometry.laws import card

    if not isinstance(path, Remote):
        return card.read(path)
    try:
        text = durable.read(path, LIMIT).decode(errors="replace")
    except FileNotFoundError:
        raise Refusal(
            f"{path} does not exist. Make it with `allometry fit`, or name the file "
            "that holds the fit."
        ) from None
    return card.from_json(text, str(path))


def write_fit(fit: "Fit", path: "Place") -> None:
    """Write a fit to a disk or a bucket; raises `Refusal` like `card.write`."""
    from allometry.curves import durable
    from allometry.curves.place import Remote
    from allometry.laws import card

    if isinstance(path, Remote):
        durable.replace(path, card.to_json(fit).encode())
    else:
        card.write(fit, path)


def _read(path: "Place") -> "Fit":
    """Read a fit; say of a table that it is one."""
    from allometry.curves.from_long import SUFFIXES

    try:
        return read_fit(path)
    except Refusal:
        if not isinstance(path, Path):
            raise
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            raise
        raise Refusal(
            f"{path} is a table, not a fit: allometry fit {path} first."
        ) from None
