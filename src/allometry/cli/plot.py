"""`allometry plot`: a fit as a figure for print."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from allometry.refusal import Refusal


def plot(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FIT", help="A fit.json, or a folder or URL that has one."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Figure to write: .pdf, .svg or .png; by default a PDF beside the fit."
        ),
    ] = None,
    width: Annotated[
        float, typer.Option(help="Width in inches; a column of a paper is 3.4.")
    ] = 3.4,
    title: Annotated[str | None, typer.Option(help="Title above the axes.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help='Print {"figure": path} and no more.')
    ] = False,
) -> None:
    """Draw a fit for print: its points and the law, with the law's 90 % interval.

    A form of one input gets the band of new runs too, and goes on, dashed, beyond its
    data; one of three or more is drawn as what was seen against what it says. The
    intrinsic law has no interval in its figure: curves of each size, and the frontier
    that they meet. The fit.json is enough; the data need not be there.

    Example: allometry plot losses.fit.json --out law.pdf
    """
    from allometry.cli.fits import fit_of
    from allometry.curves.place import Remote, place

    named = place(path)
    if out is None:
        if isinstance(named, Remote):
            raise Refusal(
                f"{path} is in a bucket: say where to draw it, --out law.pdf."
            )
        beside = named.with_name(f"{named.name.split('.')[0]}.pdf")
        out = named / "law.pdf" if named.is_dir() else beside
    fit_of(named).plot(out, width=width, title=title)
    typer.echo(jsonlib.dumps({"figure": str(out)}) if json else f"Figure: {out}")
