"""What `allometry run --dry-run` prints."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allometry.studies.study import Study


def print_survey(study: "Study", workers: int | None) -> None:
    """Print every bundle with its runs, parameters and FLOPs, and the time it takes."""
    from rich.console import Console
    from rich.table import Table

    from allometry.studies import executor, survey

    console = Console(highlight=False)
    forecasts = survey.survey(study)
    table = Table("bundle", "runs", "parameters", "FLOPs", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for item in forecasts:
        table.add_row(
            item.bundle.name,
            str(len(item.bundle.runs)),
            f"{item.parameters:,}",
            f"{item.flops:.3g}",
        )
    console.print(table)
    runs = sum(len(item.bundle.runs) for item in forecasts)
    total = sum(item.flops for item in forecasts)
    first = forecasts[0]
    console.print(
        f"\n{runs} runs in {len(forecasts)} bundles; each run {first.interactions:,} "
        f"interactions, measured at {first.checkpoints} checkpoints; "
        f"{total:.3g} FLOPs in all."
    )
    with console.status("Measuring this machine's speed …"):
        workers = workers or executor.default_workers()
        seconds = survey.seconds(study, forecasts, workers)
    console.print(f"Expected time on this machine: {_duration(seconds)}.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
