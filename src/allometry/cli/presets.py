"""Presets of XLand's dials, as `allometry show xland --presets` lists them."""

import dataclasses
import json as jsonlib

import typer

#: Dials that are listed; all of them stand in the JSON.
DIALS = ("arena", "levels", "objects", "rules", "players", "steps")
SIZES = ("states", "games", "actions", "policies")


def list_presets(*, json: bool) -> None:
    """Print the presets with their sizes."""
    from rich.console import Console
    from rich.table import Table

    from allometry.environments.xland.complexity import PRESETS

    if json:
        document = {
            name: {**dataclasses.asdict(dials), "size": dials.size()}
            for name, dials in PRESETS.items()
        }
        typer.echo(jsonlib.dumps(document, indent=1))
        return
    table = Table("preset", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in (*DIALS, *SIZES):
        table.add_column(head, justify="right")
    for name, dials in PRESETS.items():
        numbers = [str(getattr(dials, dial)) for dial in DIALS]
        table.add_row(
            name, *numbers, *(f"{each:.0f}" for each in dials.size().values())
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\nSteps are those of an episode. States, games, actions: the natural "
        "logarithm of how many there are; policies: the logarithm of that.\n"
        "Next:    allometry show xland --preset NAME"
    )
