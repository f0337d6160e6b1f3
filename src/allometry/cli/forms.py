"""`allometry forms`: the functional forms there are, and what each needs."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from allometry.laws.form.form import Form


def forms(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One form, in full.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print as JSON, and no more.")
    ] = False,
) -> None:
    """List the forms, or say everything about one.

    Example: allometry forms two-term
    """
    from allometry.laws.form.registry import forms as every

    chosen = [every.find(name)] if name else list(every.values())
    if json:
        found = [_record(form) for form in chosen]
        typer.echo(jsonlib.dumps(found if name is None else found[0], indent=1))
        return
    if name:
        _print_one(chosen[0])
        return
    width = max(len(form.name) for form in chosen)
    for form in chosen:
        reads = ", ".join(item.name for item in form.inputs)
        typer.echo(f"{form.name:<{width}}  {form.formula}")
        typer.echo(f"{'':<{width}}  {reads} → {form.response.name}")


def _print_one(form: "Form") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{form.name}[/bold]: {escape(form.formula)}\n")
    for head, items in (("reads", form.inputs), ("response", (form.response,))):
        table = Table(head, "unit", "meaning", box=None, pad_edge=False)
        for item in items:
            table.add_row(item.name, _unit(item.unit), escape(item.meaning))
        console.print(table)
        console.print()
    table = Table("constant", "unit", "meaning", "sought", box=None, pad_edge=False)
    for one in form.parameters:
        table.add_row(one.name, _unit(one.unit), escape(one.meaning), _range(one))
    console.print(table)
    residual = "logarithms" if form.residual == "log" else "values"
    console.print(f"\nResiduals are taken between {residual}.")
    if form.derived:
        console.print(f"It follows: {', '.join(form.derived)}.")
    if form.identifies:
        console.print(f"What tells its constants: {escape(form.identifies)}.")
    console.print(f"Source: {escape(form.source)}.")


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _range(parameter: Any) -> str:
    if parameter.linear:
        return "solved for" + (", above 0" if parameter.positive else "")
    if parameter.like is not None:
        return f"around the values of {parameter.like}"
    low, high = parameter.bounds
    return f"{low:g} to {high:g}"


def _record(form: "Form") -> dict[str, Any]:
    return {
        "name": form.name,
        "formula": form.formula,
        "inputs": [
            {"name": item.name, "unit": item.unit, "meaning": item.meaning}
            for item in form.inputs
        ],
        "response": {
            "name": form.response.name,
            "unit": form.response.unit,
            "meaning": form.response.meaning,
        },
        "parameters": [
            {
                "name": one.name,
                "unit": one.unit,
                "meaning": one.meaning,
                "bounds": None if one.linear or one.like else list(one.bounds),
            }
            for one in form.parameters
        ],
        "derived": list(form.derived),
        "residual": form.residual,
        "identifies": form.identifies,
        "source": form.source,
    }
