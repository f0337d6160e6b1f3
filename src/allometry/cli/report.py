"""`allometry report`: a study as one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from allometry.curves.store import Store
    from allometry.reports.verdict import Verdict


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study.")],
) -> None:
    """Write a study's page: DIR/report.html.

    One file that works offline: pictures, the law, its doubts, and how to make it
    again. Fits the law anew, and writes fit.json too.
    """
    from allometry.curves.store import open_store
    from allometry.reports import verdict

    store = open_store(folder)
    found = verdict.verdicts(store)
    verdict.store_verdicts(store, found)
    typer.echo(f"Page: {write_page(store, found)}")


def write_page(store: "Store", found: "list[Verdict]") -> Path:
    """Draw the page of a study whose laws are `found`; return where it is."""
    from allometry.reports import page, verdict

    text = page.render(
        store.study,
        store.runs(),
        store.curves(),
        store.scores(),
        [(item.label, item.fit) for item in found],
        horizon=verdict.horizon_verdicts(store) or None,
        command=str(store.study.get("command", "")),
    )
    return store.write_text("report.html", text)
