"""The chapter of adaptation: do agents do better from trial to trial, and why?

Its sections appear as far as their rows are in the store, and the chapter itself where
episodes have more than one trial. Prose is HTML; whatever came from a study is escaped.
"""

import dataclasses
import html
import math
from collections.abc import Iterator, Mapping

import numpy as np
import plotly.graph_objects as go
import polars as pl

from allometry.laws.estimates import Estimate
from allometry.reports import card, numbers, trials
from allometry.reports.figures import adaptation as figures
from allometry.reports.figures.adaptation import Line, score_text
from allometry.reports.section import Drawing, Section
from allometry.reports.style import Sizes, group_colour, group_twins, twins
from allometry.reports.trials import FORGETTING, HELD_OUT, PROBES, Gain, TaskScores

_TRIALS = (
    "An episode is {k} trials of one task, and agents remember from trial to trial. A "
    "score is 0 for an agent that acts at random and 1 for the best that is known of "
    "the task. Each line is a group of runs that differ in nothing but their seed: its "
    "mean over held-out tasks, which were never trained on. What rises from the first "
    "trial to the last was learnt within the episode."
)
_CONTROL = (
    " Dashed, the same agents play with their memory cleared at every trial: what "
    "still rises there is no work of memory."
)
_OVER_TASKS = (
    "95 % intervals, over tasks: other tasks would do so much. Other seeds are in none "
    "of them."
)
_ACROSS_K = (
    "The last trial’s score where an episode has k trials. Solid, the task in the "
    "middle; dotted, the 20th percentile, which four in five tasks exceed. Agents that "
    "go on adapting rise with k, also beyond the {k} trials that they were trained "
    "with; those that have forgotten by then fall."
)
_BY_TASK = (
    "All held-out tasks from worst to best, the first trial’s scores and the last’s "
    "each in an order of their own, with {k} trials. A gap at the left is a gain on "
    "hard tasks, one at the right on easy ones."
)
_LEARNING = (
    "The score of each trial as training goes on, on the held-out tasks of the "
    "checkpoints. Agents that do not adapt have all lines on top of each other: the "
    "gap between them is adaptation, and this is when it was learnt. The last point is "
    "of the tasks of the full test at the end, which are more."
)
_PROBES = (
    "Tasks made by hand, each to ask one thing. Sorted by the last trial, for {group}, "
    "the group that does best on held-out tasks, with {k} trials. Probes that these "
    "agents cannot read, and those on which the best known is hardly above random, "
    "have no score and are not here."
)
_SPLITS = (
    "The same agents on tasks from outside of training, next to held-out ones from "
    "within. Filled, the last of {k} trials; hollow, the first. The drop from the left "
    "is what does not carry over; a gap between hollow and filled is adaptation there."
)
_FILM = (
    "The run that scored best, on the held-out task on which it gained most from the "
    "first trial to those after it. Played 15 times more, this is the episode of the "
    "median gain: a row for each trial, time to the right. Moments in which it was "
    "rewarded are framed."
)
#: Places on the axis of percentiles.
_PERCENTILES = 101


@dataclasses.dataclass(frozen=True, eq=False)
class Adaptation:
    """What there is to show: groups of runs, their scores, and gains at `k` trials."""

    runs: trials.Groups
    scores: pl.DataFrame
    curves: pl.DataFrame
    k: int
    remembering: dict[str, TaskScores]
    cleared: dict[str, TaskScores]
    gains: dict[str, Gain]

    @property
    def best(self) -> str:
        """Name the group whose last trial scores best."""
        return max(
            self.remembering,
            key=lambda name: float(self.remembering[name].values[:, -1].mean()),
        )

    @property
    def twins(self) -> dict[str, str]:
        """Map the light colours of groups and trials to their dark twins."""
        return group_twins() | twins(_trial_colours(self.k))


def read(
    runs: pl.DataFrame, curves: pl.DataFrame, scores: pl.DataFrame
) -> Adaptation | None:
    """Read what a study says of adaptation; None where no episode had two trials."""
    if not trials.adapts(scores):
        return None
    scores = scores.filter(pl.col("score").is_finite())
    groups, k = trials.groups_of(runs, scores), trials.common_k(scores)
    remembering = _of_groups(groups, scores, HELD_OUT, k)
    if not remembering:
        return None
    cleared = _of_groups(groups, scores, FORGETTING, k)
    gains = {
        name: trials.gain(own, cleared.get(name)) for name, own in remembering.items()
    }
    return Adaptation(groups, scores, curves, k, remembering, cleared, gains)


def sections(found: Adaptation, film: str | None = None) -> Iterator[Section]:
    """Give the sections that the rows allow; `film` is a picture as a data address."""
    yield _by_trial(found)
    if film is not None:
        yield _film(film)
    for make in (_across_k, _by_task, _learning, _probes, _splits):
        section = make(found)
        if section is not None:
            yield section


def headline(found: Adaptation, without: str, cards: str) -> Section:
    """Head a page without a law: what was gained within episodes, and why no law.

    `cards` are the key numbers, as HTML.
    """
    gains = {name: one.whole for name, one in found.gains.items()}
    lead = _of_several(gains) if len(gains) > 1 else _sentence(*gains.values())
    why = f"Why there is no law of scale here: {without}"
    said = f'<p class="lead">{lead}</p><p class="quiet">{html.escape(why)}</p>'
    return Section("summary", "What was found", said + cards)


def _of_several(gains: Mapping[str, Estimate]) -> str:
    """Count the groups that are sure to gain, and name the one that gains most."""
    most = max(gains, key=lambda name: gains[name].value)
    gained = numbers.span(gains[most], score_text)
    said = f"The most is gained by {html.escape(most)}: {gained}."
    if not any(math.isfinite(one.low) for one in gains.values()):
        return f"From the first trial of a task to the last: {said}"
    sure = sum(one.low > 0 for one in gains.values())
    return (
        f"In <strong>{sure} of {len(gains)}</strong> groups of runs, agents score more "
        f"in the last trial of a task than in the first. {said}"
    )


def _by_trial(found: Adaptation) -> Section:
    lines = [
        Line(name, _estimates(own), _estimates(found.cleared.get(name)))
        for name, own in found.remembering.items()
    ]
    control = _CONTROL if found.cleared else ""
    prose = f"<p>{_TRIALS.format(k=found.k)}{control}</p>"
    return _drawn(
        "adaptation",
        "Better from trial to trial?",
        prose,
        figures.by_trial(lines, tuple(found.runs)),
        after=_gains(found),
    )


def _gains(found: Adaptation) -> str:
    """Say each group's gain, and what is left of it with the memory cleared."""
    items = [
        (f"<strong>{html.escape(name)}</strong>: " if len(found.gains) > 1 else "")
        + _sentence(one.whole)
        + _left(one)
        for name, one in found.gains.items()
    ]
    note = f'<p class="quiet">In brackets: {_OVER_TASKS}</p>'
    if len(items) == 1:
        return f"<p>{items[0]}</p>{note}"
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + f"</ul>{note}"


def _sentence(whole: Estimate) -> str:
    """State last trial − first trial, and whether it is above zero."""
    gained = numbers.span(whole, score_text)
    return f"From the first trial to the last the score changes by {gained}" + (
        f"{_side(whole)}."
    )


def _side(one: Estimate) -> str:
    if not math.isfinite(one.low):
        return ""
    if one.low > 0:
        return ", which is above zero"
    return ", which is below zero" if one.high < 0 else ", which may be nothing"


def _left(one: Gain) -> str:
    if one.cleared is None:
        return ""
    left = numbers.span(one.cleared, score_text)
    said = f" With the memory cleared it changes by {left}{_side(one.cleared)}"
    if one.memory is None:
        return said + "."
    return f"{said}. The difference is {numbers.span(one.memory, score_text)}."


def _across_k(found: Adaptation) -> Section | None:
    tables = {
        name: (
            trials.across_k(found.scores, runs, "median"),
            trials.across_k(found.scores, runs, "p20"),
        )
        for name, runs in found.runs.items()
    }
    tables = {name: both for name, both in tables.items() if both[0].height > 1}
    if not tables:
        return None
    figure = figures.across_k(tables, tuple(found.runs))
    prose = f"<p>{_ACROSS_K.format(k=_trained(found))}</p>"
    return _drawn("adaptation-k", "What more trials are good for", prose, figure)


def _by_task(found: Adaptation) -> Section | None:
    """Draw the quantiles of each run's tasks, averaged over a group's runs."""
    places = np.linspace(0, 1, _PERCENTILES)
    quantiles = {}
    for name, runs in found.runs.items():
        own = [trials.by_task(found.scores, [run], HELD_OUT, found.k) for run in runs]
        values = [one.values for one in own if one is not None and len(one.names) > 1]
        if values:
            first, last = (
                np.mean([np.quantile(one[:, t], places) for one in values], axis=0)
                for t in (0, -1)
            )
            quantiles[name] = first, last
    if not quantiles:
        return None
    prose = f"<p>{_BY_TASK.format(k=found.k)}</p>"
    figure = figures.by_percentile(quantiles, tuple(found.runs))
    return _drawn("adaptation-tasks", "Which tasks gain", prose, figure)


def _learning(found: Adaptation) -> Section | None:
    tables = {
        name: trials.over_training(found.scores, found.curves, runs)
        for name, runs in found.runs.items()
    }
    tables = {
        name: table
        for name, table in tables.items()
        if table["interactions"].n_unique() > 1
    }
    if not tables:
        return None
    most = max(int(max(table["trial"].to_list())) + 1 for table in tables.values())
    figure = figures.learning(tables, _trial_colours(most))
    title = "How adaptation is learnt"
    return _drawn("adaptation-learning", title, f"<p>{_LEARNING}</p>", figure)


def _probes(found: Adaptation) -> Section | None:
    scores = found.scores.filter(pl.col("split") == PROBES)
    if scores.is_empty():
        return None
    played = scores["k"].unique().to_list()
    k = found.k if found.k in played else int(max(played))
    groups = _of_groups(found.runs, scores, PROBES, k)
    if not groups:
        return None
    best = found.best if found.best in groups else next(iter(groups))
    own = _ends(groups[best])
    order = sorted(own, key=lambda probe: own[probe][1], reverse=True)
    colour = group_colour(list(found.runs).index(best))
    figure = figures.dots({_plain(name): own[name] for name in order}, colour)
    prose = _PROBES.format(group=html.escape(best), k=k)
    return _drawn(
        "adaptation-probes",
        "Probe by probe",
        f"<p>{prose}</p>",
        figure,
        after=_probe_table(groups, order),
    )


def _probe_table(groups: dict[str, TaskScores], order: list[str]) -> str:
    """Tabulate all groups' first and last trials of each probe, folded away."""
    every = {name: _ends(own) for name, own in groups.items()}
    names = order + sorted({n for own in every.values() for n in own} - set(order))
    rows = [
        {"probe": _plain(name)}
        | {
            group: " → ".join(map(numbers.exponent, own[name])) if name in own else "–"
            for group, own in every.items()
        }
        for name in names
    ]
    table = card.table(rows, "Score of the first trial → of the last")
    return f"<details><summary>Every group on every probe</summary>{table}</details>"


def _splits(found: Adaptation) -> Section | None:
    """Compare splits outside of training with held-out tasks, at one k."""
    outside = found.scores.filter(
        ~trials.aside(), pl.col("split") != HELD_OUT, pl.col("k") == found.k
    )
    splits = [HELD_OUT, *outside["split"].unique().sort().to_list()]
    if len(splits) == 1:
        return None
    ends: dict[str, dict[str, tuple[Estimate, Estimate]]] = {
        name: {} for name in found.remembering
    }
    for split in splits:
        for name, own in _of_groups(found.runs, found.scores, split, found.k).items():
            every = _estimates(own)
            ends.setdefault(name, {})[split] = every[0], every[-1]
    prose = f"<p>{_SPLITS.format(k=found.k)}</p>"
    figure = figures.by_split(splits, ends, tuple(found.runs))
    return _drawn("adaptation-splits", "Outside of training", prose, figure)


def _film(picture: str) -> Section:
    image = (
        f'<figure class="film"><img src="{html.escape(picture)}" '
        'alt="Frames of one episode, a row for each trial"></figure>'
    )
    return Section(
        "adaptation-film", "An episode, trial by trial", f"<p>{_FILM}</p>", after=image
    )


def _of_groups(
    groups: trials.Groups, scores: pl.DataFrame, split: str, k: int
) -> dict[str, TaskScores]:
    found = {
        name: trials.by_task(scores, runs, split, k) for name, runs in groups.items()
    }
    return {name: one for name, one in found.items() if one is not None}


def _estimates(own: TaskScores | None) -> tuple[Estimate, ...]:
    return () if own is None else tuple(map(trials.over_tasks, own.values.T))


def _ends(own: TaskScores) -> dict[str, tuple[float, float]]:
    """Give each task's score of the first trial and of the last."""
    pairs = zip(own.values[:, 0].tolist(), own.values[:, -1].tolist(), strict=True)
    return dict(zip(own.names, pairs, strict=True))


def _trained(found: Adaptation) -> int:
    """Give the number of trials at checkpoints, which is that of training."""
    held_out = found.scores.filter(pl.col("split") == HELD_OUT)
    return int(held_out.sort("checkpoint")["k"][0])


def _trial_colours(count: int) -> Sizes:
    return Sizes(tuple(range(1, count + 1)))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _drawn(
    name: str, title: str, prose: str, figure: go.Figure, *, after: str = ""
) -> Section:
    return Section(
        name, title, prose, (Drawing(f"{name}-figure", figure, title),), after
    )
