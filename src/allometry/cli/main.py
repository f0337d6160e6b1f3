"""The `allometry` command: its verbs, and the one place that speaks of errors."""

import sys
from typing import Annotated

import typer

from allometry.cli import (
    aggregate,
    atlas,
    backtest,
    compact,
    export,
    fit,
    forecast,
    forms,
    import_,
    isoflop,
    logs,
    plan,
    plot,
    report,
    run,
    show,
    status,
    work,
)
from allometry.refusal import Refusal

app = typer.Typer(
    name="allometry",
    help="The instrument for scaling laws of reinforcement learning.",
    epilog=(
        "A first law in about two minutes: allometry run quickstart. "
        "Every command answers --help."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (
    run.run,
    work.work,
    fit.fit,
    forecast.forecast,
    backtest.backtest,
    plan.plan,
    plot.plot,
    report.report,
    aggregate.aggregate,
    atlas.atlas,
    isoflop.isoflop,
    export.export,
    compact.compact,
    forms.forms,
    show.show,
    status.status,
    logs.logs,
):
    app.command()(verb)
app.command("import")(import_.import_)


def main() -> None:
    """Run the command line; bad input ends in a sentence and exit code 2."""
    try:
        app()
    except Refusal as error:
        typer.secho(f"allometry: {error}", err=True, fg="red")
        sys.exit(2)


def _version(wanted: bool) -> bool:
    if wanted:
        from allometry import __version__

        typer.echo(f"allometry {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say the version."
        ),
    ] = False,
) -> None:
    pass
