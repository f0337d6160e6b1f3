"""Coverage: how often the intrinsic law's 90 % intervals hold the truth.

Simulates studies from a known truth in each scenario of `laws.intrinsic.simulate`,
fits them, and prints for the size exponent (truth .417): mean error, root-mean-square
error and coverage over all studies, the share that the fit refuses as not identified,
and of those accepted the share that is off by more than .1.

    python benchmarks/coverage.py --studies 200 --processes 2 --write docs/coverage.md
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np
from page import put

from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.intrinsic.simulate import SCENARIOS, TRUTH, Scenario, simulate
from allometry.laws.intrinsic.solve import solve

CASES: dict[str, tuple[Scenario, IntrinsicSettings]] = {
    name: (scenario, IntrinsicSettings()) for name, scenario in SCENARIOS.items()
}
CASES["all runs collapse, not cleaned"] = (
    Scenario(collapse=1.0, collapse_depth=(0.2, 0.4), collapse_level=0.85),
    IntrinsicSettings(monotone=False),
)
CASES["all sizes too big"] = (
    Scenario(smallest=50_000.0, largest=5_000_000.0),
    IntrinsicSettings(),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One scenario's outcome."""

    name: str
    errors: np.ndarray
    covered: np.ndarray
    refused: np.ndarray

    def __str__(self) -> str:
        accepted = np.abs(self.errors[~self.refused])
        bad = f"{np.mean(accepted > 0.1):.1%}" if len(accepted) else "–"
        return (
            f"| {self.name} | {np.mean(self.errors):+.4f} "
            f"| {np.sqrt(np.mean(self.errors**2)):.4f} | {np.mean(self.covered):.1%} "
            f"| {np.mean(self.refused):.1%} | {bad} |"
        )


def study(name: str, number: int) -> tuple[float, bool, bool]:
    """Simulate and fit one study: error, whether covered, whether refused."""
    scenario, settings = CASES[name]
    seed = [list(CASES).index(name), number]
    table = simulate(scenario, np.random.default_rng(seed))
    solution = solve(points(table, settings))
    exponent, truth = solution.derived["size_exponent"], TRUTH.size_exponent
    covered = exponent.low <= truth <= exponent.high
    return exponent.value - truth, covered, not solution.identified


def rows(studies: int, processes: int) -> Iterator[Row]:
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        for name in CASES:
            outcomes = pool.map(study, [name] * studies, range(studies), chunksize=5)
            errors, covered, refused = (
                np.array(column) for column in zip(*outcomes, strict=True)
            )
            yield Row(name, errors, covered, refused)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=20, help="studies a scenario")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--write", type=pathlib.Path, help="also write Markdown here")
    options = parser.parse_args()
    lines = [
        "| study | mean error | RMS error | coverage | refused "
        "| accepted, off by > .1 |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for row in rows(options.studies, options.processes):
        lines.append(str(row))
        print(row, flush=True)
    if options.write:
        put(options.write, "intrinsic", lines)


if __name__ == "__main__":
    main()
