"""What `allometry run --dry-run` prints."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allometry.studies.survey import Survey


def print_survey(survey: "Survey", workers: int | None) -> None:
    """Print every bundle with its runs, parameters and FLOPs, and the time it takes."""
    from rich.console import Console
    from rich.table import Table

    from allometry.cli.pace import duration
    from allometry.studies import executor
    from allometry.studies.survey import seconds

    console = Console(highlight=False)
    table = Table("bundle", "runs", "parameters", "FLOPs", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for facts in survey.facts:
        table.add_row(
            facts.bundle.name,
            str(len(facts.bundle.runs)),
            f"{facts.parameters:,}",
            f"{facts.flops:.3g}",
        )
    console.print(table)
    runs = sum(len(facts.bundle.runs) for facts in survey.facts)
    total = sum(facts.flops for facts in survey.facts)
    first = survey.facts[0]
    console.print(
        f"\n{_count(runs, 'run')} in {_count(len(survey.facts), 'bundle')}; each run "
        f"{first.interactions:,} interactions, measured at "
        f"{_count(len(first.checkpoints), 'checkpoint')}; {total:.3g} FLOPs in all."
    )
    with console.status("Measuring this machine's speed …"):
        at_once = workers or executor.default_workers(survey.study)
        expected = seconds(survey, at_once)
    console.print(f"Expected time on this machine: {duration(expected)}.")


def survey_document(survey: "Survey", workers: int | None) -> dict[str, Any]:
    """Give the same as JSON-able values."""
    from allometry.studies import executor
    from allometry.studies.survey import seconds

    return {
        "study": survey.study.name,
        "bundles": [
            {
                "bundle": facts.bundle.name,
                "runs": len(facts.bundle.runs),
                "parameters": facts.parameters,
                "flops": facts.flops,
            }
            for facts in survey.facts
        ],
        "interactions": survey.facts[0].interactions,
        "checkpoints": len(survey.facts[0].checkpoints),
        "seconds": seconds(survey, workers or executor.default_workers(survey.study)),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
