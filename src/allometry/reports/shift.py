"""The section of shift: agents within the distribution of training, and outside of it.

What runs scored at their end on tasks like those of training and on each other split,
level by level, against how far the split lies. Luck of training is in the intervals;
that of the tasks is not: all runs of a level play the same ones. Prose is HTML;
whatever came from a study is escaped.
"""

import dataclasses
import html
import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from allometry.laws.aggregate import FEW_RUNS, draws
from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate
from allometry.laws.generalisation import Generalisation
from allometry.laws.level import Level
from allometry.reports import card, numbers, trials
from allometry.reports.figures.shift import Mark, by_distance
from allometry.reports.section import Drawing, Section

_SHIFT = (
    "What agents score at the end of training on the split of the curves above, "
    "{within}, and on others. A mark is the mean over <em>all</em> runs of a level, "
    "every size counting alike, {interval}."
)
_INTERVAL = "with a 90 % interval over draws of the runs of each size"
_DISTANCE = (
    "To the right, the distance of the split from training: by how many powers of ten "
    "the logarithm of the number of policies is larger for the split’s dials than for "
    "training’s. It counts what could be drawn, and no more. A split puts something "
    "new into <strong>every</strong> task, so that a distance of 0 is not sameness: "
    "there, worlds are new (unseen worlds), or worlds and games (held out)."
)
_UNKNOWN = (
    "How far the splits lie from training is not known here, so that they stand in the "
    "order of their names. A split puts something new into <strong>every</strong> task."
)
_RESAMPLES, _SEED = 2000, 67


@dataclasses.dataclass(frozen=True)
class Shifted:
    """What the runs of a level scored on a split, and the change from that of curves.

    `played` is how many of its runs have scores there. `distance` is the difference of
    ln ln of the number of policies, missing where it is not known.
    """

    level: Level
    split: str
    score: Estimate
    change: Estimate
    played: int
    distance: float | None


def sections(
    found: Generalisation, scores: pl.DataFrame, distances: pl.DataFrame | None
) -> list[Section]:
    """Write the section; none where runs were scored on one split only."""
    shifted = read(found.levels, scores, distances)
    if not shifted:
        return []
    known = all(one.distance is not None for one in shifted)
    within = shifted[0].split
    figure = by_distance([_mark(one) for one in shifted], found.by)
    prose = _SHIFT.format(within=_strong(within), interval=_interval(shifted))
    title = "Within the distribution of training, and outside of it"
    return [
        Section(
            "generalisation-shift",
            title,
            f"<p>{prose} {_DISTANCE if known else _UNKNOWN}</p>"
            f"<p>{sentence(shifted)}</p>{_left_out(shifted)}",
            (Drawing("generalisation-shift-figure", figure, title),),
            after=_table(found.by, shifted),
        )
    ]


def read(
    levels: Sequence[Level], scores: pl.DataFrame, distances: pl.DataFrame | None
) -> list[Shifted]:
    """Read what runs scored on splits at their end, level by level.

    The split of the curves comes first, others by their distance: `distances` has `run,
    split, distance`. Empty where there is one split only.
    """
    within, ends = _ends(scores)
    luck = np.random.default_rng(_SEED)
    found = []
    for level in levels:
        runs = [one.run for one in level.runs]
        own = ends.filter(pl.col("run").is_in(runs))
        every = {
            str(split): dict(part.select("run", "score").iter_rows())
            for (split,), part in own.partition_by("split", as_dict=True).items()
        }
        base = every.get(within, {})
        of_level = [
            Shifted(
                level=level,
                split=split,
                score=_over_runs(level, of_run, luck),
                change=_over_runs(
                    level,
                    {run: of_run[run] - base[run] for run in of_run if run in base},
                    luck,
                ),
                played=len(of_run),
                distance=_distance(distances, runs, split),
            )
            for split, of_run in sorted(every.items())
        ]
        found += sorted(
            of_level, key=lambda one: (one.split != within, one.distance or 0.0)
        )
    return found


def sentence(shifted: Sequence[Shifted]) -> str:
    """Say of each split how scores change from that of the curves, and how surely."""
    within = shifted[0].split
    splits = dict.fromkeys(one.split for one in shifted if one.split != within)
    told = [
        _of_split(split, [one for one in shifted if one.split == split])
        for split in splits
    ]
    return f"Against {_strong(within)}, run by run: {'; '.join(told)}."


def _of_split(split: str, own: Sequence[Shifted]) -> str:
    mean = numbers.exponent(float(np.mean([one.change.value for one in own])))
    told = f"on {_strong(split)} the score changes by {mean} (mean over levels)"
    if not any(math.isfinite(one.change.low) for one in own):
        return told
    less = sum(one.change.high < 0 for one in own)
    more = sum(one.change.low > 0 for one in own)
    return f"{told}, and its interval lies below 0 at {less} of {len(own)}" + (
        f", above 0 at {more}" if more else ""
    )


def _interval(shifted: Sequence[Shifted]) -> str:
    """Say how sure the scores are, of the level with the fewest runs of a size."""
    few = min(_runs_of_a_size(one.level) for one in shifted)
    if few == 1:
        return "without an interval where a size has one run"
    narrow = f" (too narrow with {few} runs of a size)" if few < FEW_RUNS else ""
    return _INTERVAL + narrow


def _ends(scores: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """Keep each run's mean score of the last trial on every split, at its end.

    The first is the split of the curves. Empty where runs have no other. Episodes are
    as long as those of training, if the splits were played so.
    """
    whole = scores.filter(
        pl.col("task") == pl.col("split"),
        pl.col("trial") == pl.col("k") - 1,
        pl.col("score").is_finite(),
        ~trials.aside(),
    ).sort("checkpoint", maintain_order=True)
    if whole.is_empty():
        return "", whole
    within, trained = whole.row(0, named=True)["split"], whole["k"][0]
    others = whole.filter(pl.col("split") != within)
    if others.is_empty():
        return within, others
    played = set(others["k"])
    k = trained if trained in played else max(played)
    others = others.filter(pl.col("k") == k)
    ends = whole.filter(
        pl.col("run").is_in(others["run"].unique().to_list()),
        pl.col("k") == k,
        pl.col("checkpoint") == pl.col("checkpoint").max().over("run", "split"),
    )
    return within, ends if within in ends["split"] else ends.clear()


def _over_runs(
    level: Level, of_run: Mapping[str, float], luck: np.random.Generator
) -> Estimate:
    """Give the mean over sizes of the means over runs, with its 90 % interval.

    There is none where a size has a single run.
    """
    by_size: dict[str, Array] = {}
    for size in sorted({one.size for one in level.runs}):
        runs = [one.run for one in level.runs if one.size == size]
        values = [of_run[run] for run in runs if run in of_run]
        if values:
            by_size[str(size)] = np.array(values)
    if not by_size:
        return Estimate(math.nan, math.nan, math.nan)
    mean = float(np.mean([values.mean() for values in by_size.values()]))
    if min(map(len, by_size.values())) < 2:
        return Estimate(mean, math.nan, math.nan)
    drawn = [values.mean(1) for values in draws(by_size, _RESAMPLES, luck)]
    low, high = np.quantile(np.mean(drawn, axis=0), (0.05, 0.95)).tolist()
    return Estimate(mean, low, high)


def _distance(
    distances: pl.DataFrame | None, runs: Sequence[str], split: str
) -> float | None:
    if distances is None:
        return None
    own = distances.filter(pl.col("run").is_in(list(runs)), pl.col("split") == split)
    return None if own.is_empty() else float(own["distance"][0])


def _mark(one: Shifted) -> Mark:
    away = None if one.distance is None else one.distance / math.log(10.0)
    return Mark(str(one.level.value), one.split, away, one.score)


def _runs_of_a_size(level: Level) -> int:
    sizes = [one.size for one in level.runs]
    return min(map(sizes.count, set(sizes)))


def _left_out(shifted: Sequence[Shifted]) -> str:
    """Say which levels have runs without scores at their end."""
    lines = {
        f"At {one.level.value}, {len(one.level.runs) - one.played} of "
        f"{len(one.level.runs)} runs have no score on {_plain(one.split)}: what "
        "diverged cannot be played. They are left out."
        for one in shifted
        if one.played < len(one.level.runs)
    }
    items = "".join(f"<li>{html.escape(line)}</li>" for line in sorted(lines))
    return f'<ul class="quiet">{items}</ul>' if items else ""


def _table(by: str, shifted: Sequence[Shifted]) -> str:
    within = shifted[0].split
    rows = [
        {
            by: one.level.value,
            "split": _plain(one.split),
            "distance (powers of ten)": "unknown"
            if one.distance is None
            else round(one.distance / math.log(10.0), 2),
            "score": numbers.span(one.score, numbers.exponent),
            f"change from {_plain(within)}": "–"
            if one.split == within
            else numbers.span(one.change, numbers.exponent),
            "runs": one.played,
        }
        for one in shifted
    ]
    table = card.table(rows, "Mean scores at the end, with 90 % intervals")
    return f"<details><summary>Every level on every split</summary>{table}</details>"


def _strong(split: str) -> str:
    return f"<strong>{html.escape(_plain(split))}</strong>"


def _plain(name: str) -> str:
    return name.replace("_", " ")
