"""The chapter of adaptation, against NumPy by hand, on a small store."""

import html
import re

import numpy as np
import polars as pl
import pytest

from allometry.cli.report import laws_or_why, write_page
from allometry.reports import adaptation, page, trials
from allometry.reports.figures.adaptation import score_text
from allometry.reports.style import DARK, group_colour, group_twins
from tests.reports import adapting
from tests.reports.test_page import figures, text
from tests.reports.test_style import contrast

GROUPS = ["gru, hidden 0", "gru, hidden 1"] + [
    f"transformer-xl, hidden {hidden}" for hidden in (0, 1)
]
SECTIONS = ["adaptation"] + [
    f"adaptation-{end}" for end in ("k", "tasks", "learning", "probes", "splits")
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return adapting.write(tmp_path_factory.mktemp("adapting") / "s")


@pytest.fixture(scope="module")
def written(study):
    found, without = laws_or_why(study.store)
    return write_page(study.store, found, None, without).read_text(encoding="utf-8")


def of_group(study, split, k=adapting.TRAINED, memory="gru", hidden=1.0):
    """Scores by task of a group, the mean over its two seeds."""
    names = [adapting.name(memory, hidden, seed) for seed in adapting.SEEDS]
    return np.mean([study.values[name, split, k] for name in names], axis=0)


def tables(study):
    return study.store.runs(), study.store.curves(), study.store.scores()


def ids(written):
    return re.findall(r'<section id="([^"]+)"', written)


def changed(study, keep):
    """The names of the sections where only some rows of the store are there."""
    runs, curves, scores = tables(study)
    found = adaptation.read(runs, curves, scores.filter(keep))
    return [] if found is None else [one.name for one in adaptation.sections(found)]


def test_the_page_without_a_law_has_every_section_in_order(written):
    assert ids(written) == ["summary", *SECTIONS, "reproduce"]
    said = text(written)
    assert "Why there is no law of scale here: The study asks for no law" in said
    assert "fit.json" not in written.split("How to reproduce")[1]


def test_the_sentence_of_a_gain_is_numpys(study, written):
    whole, left = (of_group(study, f"held_out{end}") for end in ("", " forgetting"))
    gained, remains = (x[:, -1] - x[:, 0] for x in (whole, left))
    said = text(written)
    sentence = said[said.index("gru, hidden 1: From") :]
    found = [float(x.replace("−", "-")) for x in re.findall(r"[−\d]+\.\d+", sentence)]
    for value, shown in zip((gained, remains, gained - remains), range(3), strict=True):
        mean, low, high = found[3 * shown : 3 * shown + 3]
        assert mean == pytest.approx(value.mean(), abs=0.0051)
        half = 1.96 * value.std() / np.sqrt(len(value))
        # The percentiles of a bootstrap of means are near to normal ones.
        assert (low, high) == pytest.approx(
            (value.mean() - half, value.mean() + half), abs=0.25 * half + 0.005
        )
    assert "which is above zero. With the memory cleared" in sentence


def test_a_gain_that_may_be_nothing_is_said_to_be(study):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (50, 2))
    values[:, 1] -= (values[:, 1] - values[:, 0]).mean() - 0.01
    one = trials.gain(trials.TaskScores(tuple("a" * 50), values), None)
    assert one.whole.value == pytest.approx(0.01)
    assert one.whole.low < 0 < one.whole.high
    assert one.cleared is None
    assert ", which may be nothing" in adaptation._sentence(one.whole)
    worse = trials.over_tasks(values[:, 0] - 5)
    assert ", which is below zero" in adaptation._sentence(worse)


def test_what_memory_brings_is_paired_by_task():
    whole = trials.TaskScores(("a", "b", "c"), np.array([[0, 1.0], [0, 2.0], [0, 9.0]]))
    left = trials.TaskScores(("b", "a"), np.array([[0, 0.5], [0, 0.25]]))
    memory = trials.gain(whole, left).memory
    assert memory is not None
    assert memory.value == pytest.approx(((1 - 0.25) + (2 - 0.5)) / 2)


def test_lines_by_trial_are_means_over_tasks_and_seeds(study, written):
    drawn = figures(written)["adaptation-figure"]["data"]
    lines = [one for one in drawn if one.get("mode") == "lines+markers"]
    assert [one["name"] for one in lines[1::2]] == GROUPS
    control, line = lines[2:4]
    assert control["line"]["dash"] == "dash"
    assert control["line"]["color"] == line["line"]["color"] == group_colour(1)
    assert line["y"] == pytest.approx(of_group(study, "held_out").mean(0), rel=1e-4)
    forgetting = of_group(study, "held_out forgetting").mean(0)
    assert control["y"] == pytest.approx(forgetting, rel=1e-4)
    assert all(reach > 0 for reach in line["error_y"]["array"])


def test_scores_against_k_are_the_sets_own(study, written):
    drawn = figures(written)["adaptation-k-figure"]["data"]
    median, low = drawn[2:4]
    assert median["x"] == low["x"] == list(adapting.KS)
    for line, share in ((median, 0.5), (low, 0.2)):
        expected = [
            np.mean(
                [
                    np.quantile(
                        study.values[adapting.name("gru", 1.0, s), "held_out", k][
                            :, -1
                        ],
                        share,
                    )
                    for s in adapting.SEEDS
                ]
            )
            for k in adapting.KS
        ]
        assert line["y"] == pytest.approx(expected, rel=1e-4)


def test_tasks_are_sorted_within_each_run(study, written):
    first, last = figures(written)["adaptation-tasks-figure"]["data"][2:4]
    for line, trial in ((first, 0), (last, -1)):
        runs = [
            study.values[adapting.name("gru", 1.0, seed), "held_out", 5][:, trial]
            for seed in adapting.SEEDS
        ]
        assert line["y"][0] == pytest.approx(np.mean([x.min() for x in runs]), rel=1e-4)
        assert line["y"][20] == pytest.approx(
            np.mean([np.quantile(x, 0.2) for x in runs]), rel=1e-4
        )
        assert line["y"] == sorted(line["y"])


def test_learning_has_a_panel_for_each_group_and_a_line_for_each_trial(study, written):
    drawn = figures(written)["adaptation-learning-figure"]
    lines = drawn["data"]
    assert len(lines) == len(GROUPS) * adapting.TRAINED
    assert all(line["x"] == list(adapting.INTERACTIONS) for line in lines)
    assert [line["name"] for line in lines[:5]] == [f"trial {n}" for n in range(1, 6)]
    end = lines[2 * adapting.TRAINED - 1]  # group 1, the last trial
    assert end["y"][-1] == pytest.approx(
        of_group(study, "held_out")[:, -1].mean(), rel=1e-4
    )
    assert drawn["layout"]["xaxis"]["type"] == "log"
    low, high = drawn["layout"]["yaxis"]["range"]
    assert all(low < y < high for line in lines for y in line["y"])


def test_probes_are_sorted_by_the_last_trial_of_the_best_group(study, written):
    own = of_group(study, "probes")
    order = [adapting.PROBES[i].replace("_", " ") for i in np.argsort(-own[:, -1])]
    drawn = figures(written)["adaptation-probes-figure"]
    assert drawn["layout"]["yaxis"]["ticktext"] == order
    last = drawn["data"][-1]
    assert last["x"] == pytest.approx(sorted(own[:, -1], reverse=True), rel=1e-4)
    assert "for gru, hidden 1, the group that does best" in text(written)
    first = np.argmax(own[:, -1])
    cell = f"{own[first, 0]:.2f} → {own[first, -1]:.2f}"
    assert f"<td>{cell}</td>" in written


def test_splits_stand_beside_held_out_tasks(study, written):
    drawn = figures(written)["adaptation-splits-figure"]
    names = drawn["layout"]["xaxis"]["ticktext"]
    assert names == ["held<br>out", "more<br>objects", "unseen<br>colour"]
    last = [one for one in drawn["data"] if one.get("name") == "gru, hidden 1"][1]
    expected = [
        of_group(study, split)[:, -1].mean() for split in ("held_out", *adapting.SPLITS)
    ]
    assert last["y"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("gone", "keep"),
    [
        ("adaptation-probes", pl.col("split") != "probes"),
        ("adaptation-splits", ~pl.col("split").is_in(adapting.SPLITS)),
        ("adaptation-k", pl.col("k") == adapting.TRAINED),
        ("adaptation-learning", pl.col("checkpoint") == 3),
    ],
)
def test_a_section_is_there_if_its_rows_are(study, gone, keep):
    assert changed(study, keep) == [name for name in SECTIONS if name != gone]


def test_without_the_control_nothing_is_said_of_it(study):
    runs, curves, scores = tables(study)
    kept = scores.filter(pl.col("split") != trials.FORGETTING)
    found = adaptation.read(runs, curves, kept)
    first = next(adaptation.sections(found))
    assert found.k == max(adapting.KS)
    assert "cleared" not in first.prose + first.after


def test_episodes_of_one_trial_have_no_chapter(study):
    assert changed(study, pl.col("k") == 1) == []


def test_an_unfinished_study_shows_its_checkpoints_without_intervals(tmp_path):
    study = adapting.write(tmp_path / "s", whole=False)
    found, without = laws_or_why(study.store)
    written = write_page(study.store, found, None, without).read_text(encoding="utf-8")
    assert ids(written) == [
        "summary", "adaptation", "adaptation-learning", "reproduce"
    ]  # fmt: skip
    said = text(written)
    assert "From the first trial of a task to the last: The most is gained by" in said
    assert "(no interval)." in said


def test_with_too_few_sizes_the_page_says_so_and_does_not_fail(tmp_path):
    study = adapting.write(tmp_path / "s", form="intrinsic")
    found, without = laws_or_why(study.store)
    assert found == []
    assert "2 model sizes" in without
    written = write_page(study.store, found, None, without).read_text(encoding="utf-8")
    assert html.escape(without) in written


def test_a_law_keeps_its_page_and_gains_the_chapter(study, base):
    """The law's page is as before, but for the chapter after its headline."""
    scores = study.store.scores()
    names = dict(zip(scores["run"].unique().sort(), base.runs["run"], strict=False))
    both = pl.concat(
        [
            base.scores.cast(
                {"trial": pl.Int64, "k": pl.Int64, "repetitions": pl.Int64}
            ),
            scores.select(base.scores.columns).with_columns(
                pl.col("run").replace(names)
            ),
        ]
    )
    args = {"title": "Both"}, base.runs, base.curves
    written = page.render(*args, both, base.fits, command="")
    alone = page.render(*args, base.scores, base.fits, command="")
    assert not any("adaptation" in name for name in ids(alone))
    assert [name for name in ids(written) if "adaptation" not in name] == ids(alone)
    assert ids(written)[:2] == ["law", "adaptation"]
    drawn = figures(written)
    assert {name: drawn[name] for name in figures(alone)} == figures(alone)


def test_the_page_is_one_file_that_names_no_other(written):
    ours = re.sub(r"<script>.*?</script>", "", written, flags=re.S)
    assert "http:" not in ours
    assert "https:" not in ours
    assert not re.search(r'\b(src|href)="(?!data:,|#)', ours)
    for name, figure in figures(written).items():
        if name != "adaptation-learning-figure":
            assert "(" in figure["layout"]["xaxis"]["title"]["text"], name


def test_a_film_in_the_store_is_held_by_the_page(tmp_path):
    store = adapting.write(tmp_path / "s").store
    (store.path / "pictures").mkdir()
    (store.path / "pictures" / "adaptation.png").write_bytes(b"\x89PNG")
    written = write_page(store, [], None, "None.").read_text(encoding="utf-8")
    assert '<img src="data:image/png;base64,iVBORw==" ' in written
    assert ids(written)[1:3] == ["adaptation", "adaptation-film"]


def test_trials_are_compared_where_the_control_was_played():
    def rows(split, task, *ks):
        return [{"split": split, "task": task, "k": k} for k in ks]

    light = rows("held_out", "held_out", 5)
    tasks = rows("held_out", "1-3", 1, 5, 8)
    control = rows("held_out forgetting", "1-3", 5)
    for given, k in (
        (light + tasks + control, 5),
        (light + tasks, 8),
        (light, 5),
        (light + rows("held_out", "1-3", 1, 8) + control, 8),
    ):
        assert trials.common_k(pl.DataFrame(given)) == k


def test_names_of_groups_are_inert(study):
    hostile = '</script><img src=x onerror="alert(1)">'
    runs, curves, scores = tables(study)
    runs = runs.with_columns(pl.col("memory").replace({"gru": hostile}))
    written = page.render({}, runs, curves, scores, [], command="", without=hostile)
    bare = re.sub(r"<script>.*?</script>", "", written, flags=re.S)
    assert "<img" not in bare
    traces = [one for each in figures(written).values() for one in each["data"]]
    assert not any("<img" in one.get("name", "") for one in traces)


def test_colours_of_groups_are_seen_in_both_modes():
    pairs = group_twins()
    assert len(set(pairs) | set(pairs.values())) == 2 * len(pairs)
    assert all(contrast(light, "#fcfbf8") > 4 for light in pairs)
    assert all(contrast(dark, DARK["paper"]) > 4 for dark in pairs.values())


def test_small_scores_keep_two_digits():
    assert [score_text(x) for x in (0.31, -0.0091, 0.0, 1.204)] == [
        "0.31", "−0.0091", "0", "1.20"
    ]  # fmt: skip
