"""The chapter of generalisation: its law is the one simulated, by every choice."""

import dataclasses
import json
import math
import re

import polars as pl
import pytest

from allometry.cli.distances import distances
from allometry.cli.report import laws_or_why, write_page
from allometry.environments import registry
from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.laws.generalisation import generalisation
from allometry.laws.level import Level
from allometry.refusal import Refusal
from allometry.reports import exponents, shift, style, verdict
from allometry.reports.figures import generalisation as figures
from allometry.reports.generalisation import sentence
from tests.reports import generalising
from tests.reports.generalising import ARENAS, CONSTANT, EXPONENT, SIZES, SPLITS

STATISTICS = ("median", "p20", "iqm", "lowest_decile")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return generalising.write(tmp_path_factory.mktemp("generalising") / "s")


@pytest.fixture(scope="module")
def found(store):
    return verdict.generalisation_verdicts(store)


@pytest.fixture(scope="module")
def written(store):
    laws, without = laws_or_why(store)
    assert laws == []
    return write_page(store, laws, None, without).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wide", "said"),
    [
        (1.5, "the forecast held."),
        (10.0, "the forecast held, in a band that would hold almost anything."),
    ],
)
def test_a_band_that_would_hold_anything_is_said_to(found, wide, said) -> None:
    law = found[1].laws[0]
    seen = law.forecast.seen
    told = dataclasses.replace(
        law.forecast, predicted=Estimate(seen, seen / wide, seen * wide)
    )
    assert sentence(dataclasses.replace(law, forecast=told)).endswith(said)


def test_every_threshold_and_every_statistic_has_its_law(found) -> None:
    asked = [(one.performance, one.threshold) for one in found]
    means = [("performance", 0.35), ("performance", 0.5)]
    assert asked == [*means, *((name, 0.5) for name in STATISTICS)]
    assert all(len(one.laws) == 2 for one in found)


def test_the_law_is_the_one_simulated(found) -> None:
    law = found[1].laws[0]
    assert law.identified
    assert law.exponent.value == pytest.approx(EXPONENT, abs=0.05)
    highest = found[1].levels[-1]
    needed = CONSTANT * ARENAS[-1] ** (2 * EXPONENT)
    assert (highest.value, highest.size) == (ARENAS[-1], 1000)
    assert highest.compute.value == pytest.approx(needed, rel=0.15)


def test_a_statistic_that_scores_lower_needs_more(found) -> None:
    """A score of .7 s crosses .5 where s crosses 5/7: at √(5/2) times the compute.

    Read between checkpoints a factor of 2.2 apart, by a straight line: to 10 %.
    """
    mean, low = found[1], found[1 + 1 + STATISTICS.index("p20")]
    more = low.levels[1].compute.value / mean.levels[1].compute.value
    assert more == pytest.approx(math.sqrt(5 / 2), rel=0.1)


def test_the_page_has_its_sections_in_order(written) -> None:
    ids = re.findall(r'<section id="([^"]+)"', written)
    wanted = ["scores", "surface", "", "choices", "shift"]
    assert ids[0] == "summary"
    assert ids[1:6] == [f"generalisation{'-' if end else ''}{end}" for end in wanted]
    assert "number of states" in written
    assert "the forecast held" in written or "did <strong>not</strong>" in written


def drawn_in(written: str, name: str) -> list[dict]:
    """Give the traces of a figure of the page."""
    text = re.search(r'\{"figures":.*?\}(?=</script>)', written, re.S)
    assert text is not None
    return json.loads(text[0])["figures"][name]["data"]


def test_the_figure_shows_runs_levels_law_and_forecast(written, found) -> None:
    drawn = drawn_in(written, "generalisation-figure")
    by_name = {trace.get("name"): trace for trace in drawn}
    levels = by_name["the best size of a level"]
    assert len(levels["x"]) == len(ARENAS)
    expected = [2 * math.log10(arena) for arena in ARENAS]
    assert levels["x"] == pytest.approx(expected, rel=1e-4)
    assert len(by_name["law"]["x"]) == 2
    assert by_name["forecast from the levels below"]["x"] == [levels["x"][-1]]
    runs = sum(len(trace["x"]) for trace in drawn if trace.get("showlegend") is False)
    asked = re.search(r"reached ([0-9.]+);", written)
    assert asked is not None
    shown = next(one for one in found if one.threshold == float(asked[1]))
    assert runs == sum(level.count("crossed") for level in shown.levels)


@pytest.mark.parametrize(("wide", "tenfold"), [(10.0, False), (1e4, True)])
def test_the_axis_has_room_for_the_forecasts_band(found, wide, tenfold) -> None:
    """All of it, or, where it is very wide, tenfold beyond what was seen."""
    law = found[1].laws[0]
    seen = law.forecast.seen
    band = Estimate(seen, seen / wide, seen * wide)
    forecast = dataclasses.replace(law.forecast, predicted=band)
    law = dataclasses.replace(law, forecast=forecast)
    axis = figures.needed(found[1], law, style.Sizes(SIZES)).layout.yaxis
    low, high = (10.0**end for end in axis.range)
    assert low < seen / wide or tenfold
    assert high > seen * wide or tenfold
    runs = [run.compute for level in found[1].levels for run in level.runs]
    crossed = [compute for compute in runs if compute is not None]
    assert low > min(crossed) / 15
    assert high < max(crossed) * 15


def test_the_map_has_the_best_score_of_any_size_by_each_compute(store, written) -> None:
    """Up to the last checkpoint of a level, against curves gone through by hand."""
    colours, *lines = drawn_in(written, "generalisation-surface-figure")
    assert len(colours["z"]) == len(ARENAS)
    edges = colours["x"]
    middle = math.sqrt(edges[60] * edges[61])
    table = store.table()
    for arena, row in zip(ARENAS, colours["z"], strict=True):
        own = table.filter(pl.col("arena") == arena)
        means = own.group_by("parameters", "checkpoint").agg(
            pl.col("compute", "performance").mean()
        )
        by_then = means.filter(pl.col("compute") <= middle)
        assert row[60] == pytest.approx(by_then["performance"].max(), rel=1e-4)
    assert [line["name"] for line in lines] == ["needed for 0.35", "needed for 0.5"]


def test_the_lines_of_the_map_are_what_levels_needed(written, found) -> None:
    _, *lines = drawn_in(written, "generalisation-surface-figure")
    for line, one in zip(lines, found[:2], strict=True):
        needed = [level.compute.value for level in one.levels]
        assert line["x"] == pytest.approx(needed, rel=1e-4)
        assert line["y"] == list(range(len(ARENAS)))


def test_there_is_no_colour_where_nothing_was_spent(store, found) -> None:
    table = store.table()
    spent = float(table["compute"].max())
    short = table.filter((pl.col("arena") != 14) | (pl.col("compute") < spent / 20))
    colours = figures.surface(short, found[:2]).data[0]
    assert colours.z[-1][-1] is None
    assert colours.z[0][-1] is not None


def test_a_map_of_nothing_learnt_has_neither_contrast_nor_lines(store, found) -> None:
    idle = store.table().with_columns(performance=pl.col("performance") * 1e-3)
    far = [dataclasses.replace(found[0], levels=_unseen(found[0].levels))]
    colours, *lines = figures.surface(idle, far).data
    assert (colours.zmin, colours.zmax, lines) == (0, found[0].threshold, [])


def _unseen(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    never = Estimate(math.nan, math.nan, math.nan, "FLOPs", identified=False)
    return tuple(dataclasses.replace(level, compute=never) for level in levels)


def test_levels_of_several_dials_are_drawn_too(store) -> None:
    table = store.table().with_columns(objects=pl.lit(2))
    one = generalisation(
        table, by=["arena", "objects"], threshold=0.5, complexities=["log_states"]
    )
    names = [trace.name for trace in figures.scores(table, one).data]
    assert names == [f"arena × objects = {arena} × 2" for arena in ARENAS]
    assert len(figures.surface(table, [one]).data[0].z) == len(ARENAS)
    assert len(shift.read(one.levels, store.scores(), None)) == 3 * len(ARENAS)


def test_interactions_and_best_sizes_stand_beside_compute(found, written) -> None:
    """The best size is 1,000 at every level, so that interactions grow as compute."""
    main = found[1]
    size, interactions = main.others["size"][0], main.others["interactions"][0]
    assert (size.identified, size.exponent.value) == (True, pytest.approx(0, abs=1e-9))
    assert interactions.exponent.value == pytest.approx(EXPONENT, abs=0.05)
    assert "Best size, by the number of states" in written
    table = written[written.index('id="generalisation-choices"') :]
    counted = re.findall(r"<td>(compute|interactions|best size)</td>", table)
    assert len(counted) == 3 * sum(len(one.laws) for one in found)


def test_splits_are_scored_at_the_end_level_by_level(store, found) -> None:
    shifted = shift.read(found[0].levels, store.scores(), None)
    splits = ["held_out", *sorted(SPLITS)]
    assert [(one.level.value, one.split) for one in shifted] == [
        (arena, split) for arena in ARENAS for split in splits
    ]
    ends = store.table().filter(pl.col("checkpoint") == pl.col("checkpoint").max())
    for one in shifted:
        own = ends.filter(pl.col("arena") == one.level.value)["performance"].mean()
        share = SPLITS.get(one.split, 1.0)
        assert one.score.value == pytest.approx(own * share)
        assert one.change.value == pytest.approx(own * (share - 1))
        assert one.score.low < one.score.value < one.score.high
        assert (one.played, one.distance) == (12, None)


def test_the_page_says_where_agents_do_worse_and_that_no_split_is_training(
    written,
) -> None:
    section = written[written.index('id="generalisation-shift"') :]
    told = re.search(r"on <strong>larger arena</strong> the score [^;]*", section)
    assert told is not None
    assert "changes by −0.3" in told[0]
    assert "its interval lies below 0 at 5 of 5" in told[0]
    assert "something new into <strong>every</strong> task" in section
    assert "too narrow with 3 runs of a size" in section


def test_a_split_lies_as_far_as_its_dials_span_more(store, written) -> None:
    """Read off the page, whose axis is in square roots of powers of ten."""
    away = distances(store)
    assert away is not None
    training = registry.make("xland", preset="reach", arena=7)
    for split in SPLITS:
        own = away.filter(
            pl.col("run").str.contains("arena-7-"), pl.col("split") == split
        )
        wider = training.shifted(split).size()["log_log_policies"]
        expected = wider - training.size()["log_log_policies"]
        assert own["distance"].to_list() == [pytest.approx(expected)] * 12
        assert expected > 0
    level = drawn_in(written, "generalisation-shift-figure")[ARENAS.index(7)]
    assert level["name"] == "arena = 7"
    places = [x**2 * math.log(10) for x in level["x"]]
    own = away.filter(pl.col("run") == "size-500-arena-7-seed-0").sort("distance")
    assert own["split"].to_list() == ["held_out", *SPLITS]
    assert places == pytest.approx(own["distance"].to_list(), rel=0.05, abs=0.01)


def test_splits_of_an_environment_that_cannot_be_made_have_no_distance(
    store, found
) -> None:
    gone = store.study | {"environment": {"name": "xland", "preset": "gone"}}
    assert distances(dataclasses.replace(store, study=gone)) is None
    (section,) = shift.sections(found[0], store.scores(), None)
    assert "is not known here" in section.prose
    assert section.drawings[0].figure.layout.xaxis.title.text == "Split"


def test_runs_that_could_not_be_played_are_left_out_and_counted(store, found) -> None:
    gone = (pl.col("run") == "size-500-arena-7-seed-0") & (pl.col("checkpoint") == 9)
    few = store.scores().filter(~gone)
    shifted = shift.read(found[0].levels, few, None)
    assert {one.played for one in shifted if one.level.value == 7} == {11}
    (section,) = shift.sections(found[0], few, None)
    assert "At 7, 1 of 12 runs have no score on larger arena" in section.prose


def test_changes_are_from_the_split_of_the_curves(store, found) -> None:
    """Here curves are of unseen worlds: what is held out is another split."""
    new = {"held_out": "unseen_worlds", "larger_arena": "held_out"}
    told = [pl.col(name).replace(new) for name in ("split", "task")]
    shifted = shift.read(found[0].levels, store.scores().with_columns(told), None)
    assert [one.split for one in shifted[:3]] == [
        "unseen_worlds",
        "held_out",
        "unseen_colour",
    ]
    ratio = shifted[1].change.value / shifted[0].score.value
    assert ratio == pytest.approx(SPLITS["larger_arena"] - 1)


def test_one_run_of_a_size_has_no_interval(store, found) -> None:
    levels = [
        dataclasses.replace(
            level, runs=tuple(one for one in level.runs if one.run.endswith("seed-0"))
        )
        for level in found[0].levels
    ]
    alone = dataclasses.replace(found[0], levels=tuple(levels))
    (section,) = shift.sections(alone, store.scores(), None)
    assert "without an interval" in section.prose
    assert "interval lies" not in section.prose
    assert "(no interval)" in section.after


def test_held_out_tasks_alone_make_no_section(store, found) -> None:
    within = store.scores().filter(pl.col("split") == "held_out")
    assert shift.sections(found[0], within, None) == []


def of_levels(fit: Fit, values: list[float], width: float = 0.03) -> list:
    """Give a law the exponents `values` at the levels; None at a level without one."""
    fits = []
    for arena, a in zip(ARENAS, values, strict=True):
        known = fit.derived | {"size_exponent": Estimate(a, a - width, a + width)}
        own = dataclasses.replace(fit, derived=known)
        if math.isnan(a):
            card = {**fit.card, "reasons": ["Add <larger> sizes."]}
            own = dataclasses.replace(own, identified=False, card=card)
        fits.append((f"arena = {arena}", own))
    return fits


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.4, 0.41, 0.4, 0.39, 0.4], "<strong>The same within their intervals."),
        ([0.3, 0.4, 0.5, 0.6, 0.7], "<strong>They differ."),
        ([0.4, *[math.nan] * 4], "<strong>Not told."),
    ],
)
def test_exponents_of_size_are_compared_over_levels(base, found, values, verdict):
    (section,) = exponents.sections(found[0], of_levels(base.fits[0][1], values))
    assert verdict in section.prose
    marks = {trace.name: trace for trace in section.drawings[0].figure.data}
    known = {n: a for n, a in zip(ARENAS, values, strict=True) if not math.isnan(a)}
    assert list(marks["identified"].x) == list(known.values())
    rows = re.findall(r"<tr><td[^>]*>(\d+)</td>", section.after)
    assert rows == [str(arena) for arena in known]


def test_levels_without_a_law_are_named_with_what_would_identify_them(base, found):
    fits = of_levels(base.fits[0][1], [0.4, 0.4, math.nan, 0.4, math.nan])
    (section,) = exponents.sections(found[0], fits)
    assert "Not identified at arena = 7, 14." in section.prose
    assert "<li>arena = 7: Add &lt;larger&gt; sizes.</li>" in section.after
    assert section.after.count("<li>") == 2


def test_no_exponent_at_any_level_makes_no_empty_figure(base, found) -> None:
    fits = of_levels(base.fits[0][1], [math.nan] * len(ARENAS))
    (section,) = exponents.sections(found[0], fits)
    assert "<strong>Not told." in section.prose
    assert section.drawings == ()


def test_no_law_of_size_makes_no_section_of_exponents(base, found) -> None:
    assert exponents.sections(found[0], []) == []
    assert exponents.sections(found[0], base.fits) == []


def test_a_study_with_both_kinds_of_laws_shows_both(tmp_path) -> None:
    store = generalising.write(tmp_path / "s", form="intrinsic", band=[0.1, 0.95])
    laws, without = laws_or_why(store)
    page = write_page(store, laws, None, without).read_text(encoding="utf-8")
    ids = re.findall(r'<section id="([^"]+)"', page)
    assert ids[4:7] == [
        f"generalisation-{end}" for end in ("choices", "exponents", "shift")
    ]
    assert len(drawn_in(page, "generalisation-exponents-figure")) >= 2


def test_what_is_not_identified_is_said_with_what_would_mend_it(tmp_path) -> None:
    store = generalising.write(tmp_path / "s", levels=[0.999])
    one = verdict.generalisation_verdicts(store)[0]
    assert not one.laws[0].identified
    told = sentence(one.laws[0])
    assert told.startswith("<strong>Not identified.</strong>")
    assert "Train longer at" in told


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"levels": []}, "needs law.by"),
        ({"by": None}, "needs law.by"),
        ({"complexities": [3]}, "give a list of columns"),
        ({"complexities": ["log_moods"]}, "'log_moods'"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, law, message) -> None:
    store = generalising.write(tmp_path / "s", **law)
    with pytest.raises(Refusal, match=message):
        verdict.generalisation_verdicts(store)
