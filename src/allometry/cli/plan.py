"""`allometry plan`: which runs to train, and how well they would tell the law."""

import json as jsonlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.options import checked_seed, number, numbers, pairs
from allometry.refusal import Refusal

#: Of the designs compared, so many are shown.
SHOWN = 6

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from allometry.laws.design import Additions, Design, Plan


def plan(
    study: Annotated[
        str | None,
        typer.Option(
            help="A fit.json, or the folder of a study: say what to add to it.",
            metavar="PATH",
        ),
    ] = None,
    law: Annotated[
        str, typer.Option(help="The form to tell. See allometry forms.")
    ] = "intrinsic",
    budget: Annotated[
        float | None,
        typer.Option(help="What all runs may cost together: training FLOPs, mostly."),
    ] = None,
    guess: Annotated[
        list[str] | None,
        typer.Option(help="A rough guess of a constant: alpha_N=0.6; repeat it."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            help="Values of an input that you choose: horizon=1,4,16,64; of one that "
            "grows along a curve its first and last: data=1e6,1e9."
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="Standard deviations: luck=0.3 of a run, shared=0.1 of all runs of a "
            "setting, noise=0.02 of a checkpoint; correlation=0.7 along a curve."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Columns that choose a form: complexity=states,players."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds of each setting.")
    ] = None,
    checkpoints: Annotated[
        int, typer.Option(min=2, help="Checkpoints of each curve.")
    ] = 40,
    constant: Annotated[
        str | None,
        typer.Option(help="With --study: the constant whose interval is to be halved."),
    ] = None,
    studies: Annotated[
        int, typer.Option(min=3, help="How many studies to simulate.")
    ] = 40,
    kappa: Annotated[
        float, typer.Option(help="FLOPs per parameter and datum (two-term, threshold).")
    ] = 6.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the plan as JSON, and no more.")
    ] = False,
) -> None:
    """Plan a study: sizes, seeds and checkpoints that will tell a law.

    Designs within the budget are simulated from a rough guess of the law, and fitted as
    real runs would be: the best is shown with the intervals it would give. With
    --study, says which runs would halve an interval of a study that has been run.

    Examples: allometry plan --budget 3e12; allometry plan --law two-term --budget 1e21;
    allometry plan --study runs/quickstart.
    """
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from allometry.laws import design

    loud = numbers(noise or [], "--noise", "luck=0.3")
    generator = np.random.default_rng(checked_seed(seed))
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} studies"),
        TimeRemainingColumn(),
        console=Console(stderr=True, quiet=json),
        transient=True,
    )
    console = Console(highlight=False)
    if study is not None:
        if budget is not None or guess or grid:
            raise Refusal(
                "--study takes the law and the runs from the study: leave out "
                "--budget, --guess and --grid."
            )
        from allometry.cli.fits import fit_of
        from allometry.curves.place import place

        fit = fit_of(place(study))
        with bar:
            task = bar.add_task("Simulating", total=None)
            more = design.additions(
                fit,
                generator,
                constant=constant,
                studies=studies,
                noise=loud,
                progress=lambda i, n: bar.update(task, completed=i, total=n),
            )
        if json:
            typer.echo(jsonlib.dumps(more.to_dict(), indent=1))
        else:
            _print_additions(more, studies, console)
        return
    if constant is not None:
        raise Refusal("--constant belongs to --study.")
    with bar:
        task = bar.add_task("Simulating", total=None)
        found = design.plan(
            law,
            generator,
            budget=budget,
            guess=numbers(guess or [], "--guess", "alpha_N=0.6"),
            grid=_lists(grid or []),
            noise=loud,
            columns=pairs(column or [], "--column", "complexity=states,players"),
            seeds=seeds,
            checkpoints=checkpoints,
            studies=studies,
            kappa=kappa,
            progress=lambda i, n: bar.update(task, completed=i, total=n),
        )
    if json:
        typer.echo(jsonlib.dumps(found.to_dict(), indent=1))
        return
    _print_plan(found, console)


def _lists(given: Sequence[str]) -> dict[str, list[float]]:
    """Read `name=1,2,4` options."""
    told = pairs(given, "--grid", "horizon=1,4,16,64")
    return {
        name: [number(one, f"--grid {name}={text}") for one in text.split(",")]
        for name, text in told.items()
    }


def _print_plan(found: "Plan", console: "Console") -> None:
    from rich.markup import escape

    from allometry.laws.design.propose import SCREENING

    best = found.best
    for line in _described(best.design):
        console.print(escape(line), soft_wrap=True)
    console.print(
        f"Of {best.studies} such studies, simulated and fitted, "
        f"{best.identified:.0%} identify the law:\n"
    )
    console.print(_told(found))
    if len(found.others) > 1:
        console.print(
            f"\nThe best of {len(found.others)} designs, by {SCREENING} simulated "
            "studies each:\n"
        )
        console.print(_compared(found))
    for note in found.notes:
        console.print(f"[yellow]Note:[/yellow] {escape(note)}")


def _described(design: "Design") -> list[str]:
    """Say which runs a design has."""
    grid = design.grid
    lines = [f"{design.runs} runs, {design.cost:.3g} {design.unit} together:"]
    for name, values in grid.fixed.items():
        lines.append(f"  {name}: " + ", ".join(f"{value:g}" for value in values))
    lines.append(f"  seeds: {grid.seeds} of each")
    for name, (first, last) in grid.growing.items():
        lines.append(
            f"  {name}: to {last:.3g}, with {grid.checkpoints} checkpoints from "
            f"{first:.3g} on, evenly in its logarithm"
        )
    return lines


def _told(found: "Plan") -> "Table":
    from rich.table import Table

    table = Table(
        "", "guess", "typical 90 % interval", "holds it", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found.best.told:
        interval = f"{one.low:.4g} to {one.high:.4g}"
        table.add_row(one.name, f"{one.truth:.4g}", interval, f"{one.covered:.0%}")
    return table


def _compared(found: "Plan") -> "Table":
    from rich.table import Table

    from allometry.laws.design.assessment import target

    judged = target(found.best.design.form)
    sized = "parameters" in found.best.design.grid.fixed
    titles = ["settings", *(["sizes"] if sized else []), "seeds", "longest"]
    table = Table(*titles, "identified", judged, box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "right"
    for one in found.others[:SHOWN]:
        grid = one.design.grid
        sizes = grid.fixed.get("parameters", ())
        cells = [f"{len(grid.settings())}"]
        cells += [f"{sizes[0]:.3g} to {sizes[-1]:.3g}"] if sized else []
        cells += [f"{grid.seeds}"]
        cells += ["".join(f"{last:.3g}" for _, last in grid.growing.values())]
        told = one[judged]
        cells += [f"{one.identified:.0%}", f"{told.low:.3g} to {told.high:.3g}"]
        table.add_row(*cells)
    return table


def _print_additions(found: "Additions", studies: int, console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    console.print(
        f"{found.constant} is {found.value:.4g} ({found.low:.4g} to {found.high:.4g}). "
        f"What would narrow it, in {studies} simulated studies each:\n"
    )
    titles = ("add", "runs", "studies", "interval ×", "identified")
    table = Table(*titles, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found.additions:
        mark = "[bold]" if one is found.best else ""
        table.add_row(
            f"{mark}{escape(one.what)}",
            f"{one.runs}",
            f"{one.cost:.2g}",
            f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})",
            f"{one.identified:.0%}",
        )
    console.print(table)
    best = found.best
    console.print()
    if best is None:
        console.print(
            "None of these halves the interval; several together may. The study as it "
            f"is identifies the law in {found.simulated:.0%} of simulations."
        )
    else:
        console.print(
            f"The cheapest that halves the interval: {escape(best.what)} "
            f"({best.runs} runs, {best.cost:.2g} times what the study cost)."
        )
    for note in found.notes:
        console.print(f"[yellow]Note:[/yellow] {escape(note)}")
