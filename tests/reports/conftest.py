import dataclasses

import numpy as np
import polars as pl
import pytest

from allometry.laws.fit import fit
from allometry.laws.fitted import Fit
from allometry.laws.horizon import HorizonFit, horizon_fits
from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.natural import attach, natural
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.intrinsic.simulate import SCENARIOS, simulate
from allometry.reports.page import render

SETTINGS = IntrinsicSettings(
    performance="accuracy", natural_metric="fail-to-success", tuned="the learning rate"
)


@dataclasses.dataclass(frozen=True)
class Study:
    """A simulated study as the store would give it, with its fits."""

    runs: pl.DataFrame
    curves: pl.DataFrame
    scores: pl.DataFrame
    fits: list[tuple[str, Fit]]
    horizon: tuple[HorizonFit, ...] | None = None

    def page(self, **study: str) -> str:
        return render(
            {"title": "Simulated"} | study,
            self.runs,
            self.curves,
            self.scores,
            self.fits,
            horizon=self.horizon,
            command="allometry run simulated",
        )


def tables(scenario: str, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    frame = simulate(SCENARIOS[scenario], np.random.default_rng(seed)).with_columns(
        pl.int_range(pl.len()).over("run").alias("checkpoint")
    )
    runs = frame.unique("run", maintain_order=True).select(
        "run", "seed", "parameters", "status", fingerprint=pl.lit("f00d")
    )
    curves = frame.select("run", "checkpoint", "interactions", "compute", "performance")
    scores = frame.select(
        "run",
        "checkpoint",
        split=pl.lit("held_out"),
        task=pl.lit("held_out"),
        trial=pl.lit(0),
        k=pl.lit(1),
        repetitions=pl.lit(0),
        score=0.95 * pl.col("performance"),
    )
    return runs, curves, scores


def fitted(
    runs: pl.DataFrame,
    curves: pl.DataFrame,
    settings: IntrinsicSettings = SETTINGS,
) -> Fit:
    table = curves.join(runs, on="run")
    law = fit("intrinsic", table, settings=settings)
    return attach(law, natural(points(table, settings), law, settings))


def single(scenario: str) -> Study:
    runs, curves, scores = tables(scenario, 0)
    return Study(runs, curves, scores, [("", fitted(runs, curves))])


@pytest.fixture(scope="session")
def base() -> Study:
    return single("base")


@pytest.fixture(scope="session")
def refused() -> Study:
    return single("sizes 30 × too big")


@pytest.fixture(scope="session")
def horizons() -> Study:
    """Four horizons; E needed is affine in h with h₀ = 20; h = 64 is not identified."""
    brief = dataclasses.replace(SETTINGS, other_bands=(), drift_bands=())
    parts, fits = [], []
    for seed, h in enumerate((1, 4, 16, 64)):
        runs, curves, scores = tables("base", seed)
        name = pl.format("h{}-{}", pl.lit(h), "run").alias("run")
        longer = pl.col("interactions", "compute") * (1 + h / 20)
        curves = curves.with_columns(name, longer).cast({"interactions": pl.Int64})
        runs = runs.with_columns(name, horizon=pl.lit(float(h)))
        parts.append((runs, curves, scores.with_columns(name)))
        fits.append((f"h = {h}", fitted(runs, curves, brief)))
    label, last = fits[-1]
    fits[-1] = (label, dataclasses.replace(last, identified=False))
    runs, curves, scores = (pl.concat(part) for part in zip(*parts, strict=True))
    laws = horizon_fits(curves.join(runs, on="run"), (0.3, 0.6))
    return Study(runs, curves, scores, fits, laws)
