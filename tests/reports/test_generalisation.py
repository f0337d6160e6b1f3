"""The chapter of generalisation: its law is the one simulated, by every choice."""

import json
import math
import re

import pytest

from allometry.cli.report import laws_or_why, write_page
from allometry.refusal import Refusal
from allometry.reports import verdict
from allometry.reports.generalisation import sentence
from tests.reports import generalising
from tests.reports.generalising import ARENAS, CONSTANT, EXPONENT

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
    wanted = ["scores", "", "choices"]
    assert ids[0] == "summary"
    assert ids[1:4] == [f"generalisation{'-' if end else ''}{end}" for end in wanted]
    assert "number of states" in written
    assert "the forecast held" in written or "did <strong>not</strong>" in written


def test_the_figure_shows_runs_levels_law_and_forecast(written, found) -> None:
    text = re.search(r'\{"figures":.*?\}(?=</script>)', written, re.S)
    assert text is not None
    drawn = json.loads(text[0])["figures"]["generalisation-figure"]["data"]
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
