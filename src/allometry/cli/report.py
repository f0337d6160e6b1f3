"""`allometry report`: a study, an import or a fit as one page."""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.refusal import Refusal

#: Bytes of a picture that a page takes in.
PICTURE = 64 * 2**20

if TYPE_CHECKING:
    from allometry.curves.imported import Imported
    from allometry.curves.place import Place
    from allometry.curves.store import Store
    from allometry.laws.fitted import Fit
    from allometry.reports.verdict import Verdict


def report(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="Folder of a study or an import, or a fit.json."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Page to write; by default beside the fit.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Title of the page of a fit.json.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help='Print {"page": path} and no more.')
    ] = False,
) -> None:
    """Write one page about a law: pictures, intervals, doubts, how to make it again.

    One file that works offline, to mail. A study's law is fitted anew; of an import or
    a fit.json, the fit is drawn as it stands.

    Examples: allometry report runs/quickstart; allometry report losses.fit.json.
    """
    from allometry.curves.place import place

    written = _write(place(path), out, title)
    typer.echo(jsonlib.dumps({"page": str(written)}) if json else f"Page: {written}")


def _write(path: "Place", out: Path | None, title: str | None) -> "Place":
    from allometry.cli.fits import fit_of
    from allometry.curves.imported import open_import
    from allometry.curves.opened import is_study
    from allometry.curves.store import open_store
    from allometry.reports import form, verdict

    if is_study(path):
        store = open_store(path)
        found, without = laws_or_why(store)
        if out is None:
            verdict.store_verdicts(store, found)
        return write_page(store, found, out, without)
    fit = fit_of(path)
    if fit.law == "intrinsic":
        return _intrinsic(path, fit, out, title)
    imported = isinstance(path, Path) and path.is_dir()
    name = title or (path.name if imported else path.name.split(".")[0])
    text = form.render(fit, title=name, command=str(fit.card.get("command", "")))
    if isinstance(path, Path) and imported and out is None:
        return open_import(path).write_text("report.html", text)
    return _put(out or path.parent / f"{name}.html", text)


def _intrinsic(
    path: "Place", fit: "Fit", out: Path | None, title: str | None
) -> "Place":
    """Write the page of an intrinsic law, which shows its curves too."""
    import tempfile

    from allometry.cli.tables import imported
    from allometry.curves.imported import open_import
    from allometry.reports import verdict

    only = [verdict.Verdict("", verdict.ONE_LAW, fit)]
    if isinstance(path, Path) and path.is_dir():
        return write_page(open_import(path), only, out)
    table = fit.card.get("table")
    if table is None:
        raise Refusal(
            f"{path} is an intrinsic law, whose page shows its curves too: name the "
            "folder that it was fitted to, allometry report DIR."
        )
    file = Path(str(table["file"]))
    if not file.is_file() and isinstance(path, Path):
        file = path.parent / file.name
    if not file.is_file():
        raise Refusal(
            f"{path} is an intrinsic law, whose page shows its curves too, and "
            f"{table['file']} is not there: put it beside the fit."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = str(fit.card.get("command", ""))
        place = Path(folder) / file.stem
        curves = imported(file, table["columns"], place, command, title)
        page = out or path.parent / f"{path.name.split('.')[0]}.html"
        return write_page(curves, only, page)


def laws_or_why(store: "Store") -> "tuple[list[Verdict], str]":
    """Fit a study's laws of size, or say why there is none.

    Raises `Refusal` where no law can be fitted to a study that shows nothing else: no
    adaptation within episodes, and no law of complexity.
    """
    from allometry.curves.durable import Damaged
    from allometry.curves.objects import Unreachable
    from allometry.reports import trials, verdict

    try:
        return verdict.verdicts(store), ""
    except (Damaged, Unreachable):
        raise
    except Refusal as error:
        if not (trials.adapts(store.scores()) or verdict.generalises(store)):
            raise
        return [], str(error)


def write_page(
    store: "Store | Imported",
    found: "list[Verdict]",
    out: "Place | None" = None,
    without: str = "",
) -> "Place":
    """Draw the page of a study whose laws are `found`; return where it is.

    `without` says why there is none, for a study whose page needs none.
    """
    from allometry.cli.distances import distances
    from allometry.curves.imported import Imported
    from allometry.reports import page, verdict

    generalised = verdict.generalisation_verdicts(store)
    files, code = None, tuple[str, ...]()
    if isinstance(store, Imported):
        files = [source.path for source in store.record.sources]
    else:
        code = store.code_versions(store.bundles)
    text = page.render(
        store.study,
        store.runs(),
        store.curves(),
        store.scores(),
        [(item.label, item.fit) for item in found],
        horizon=verdict.horizon_verdicts(store) or None,
        generalised=generalised,
        distances=distances(store) if generalised else None,
        command=str(store.study.get("command", "")),
        files=files,
        code=code,
        without=without,
        film=_film(store.path),
    )
    return store.write_text("report.html", text) if out is None else _put(out, text)


def _film(folder: "Place") -> bytes | None:
    """Read the picture of an episode that a study may have kept."""
    from allometry.curves import durable
    from allometry.curves.store import FILM

    try:
        return durable.read(folder / FILM, PICTURE)
    except FileNotFoundError:
        return None


def _put(path: "Place", text: str) -> "Place":
    from allometry.curves import durable
    from allometry.curves.place import Remote

    if isinstance(path, Remote):
        durable.replace(path, text.encode())
        return path
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{path} cannot be written ({error.strerror}).") from error
    return path
