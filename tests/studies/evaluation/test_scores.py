import jax
import numpy as np
import polars as pl
import pytest
from scipy import stats

from allometry.curves import segment
from allometry.curves.table import SCORES
from allometry.refusal import Refusal
from allometry.studies.evaluation.play import STAGE, Episodes
from allometry.studies.evaluation.references import Reference, References
from allometry.studies.evaluation.rows import rows
from allometry.studies.evaluation.scores import Scores, joined, normalised
from allometry.studies.evaluation.summary import adaptation, summary
from tests.studies.evaluation.levers import ALONE, TASKS, Levers, Searcher


def references(*pairs):
    """Give references with these pairs of random and best."""
    tasks = tuple(
        Reference(task=f"t{n}", random=low, spread=0.1, best=high, holder="scripted")
        for n, (low, high) in enumerate(pairs)
    )
    return References(
        split="held_out",
        dials={},
        novelty=None,
        repetitions=1,
        tries=1,
        tasks=tasks,
    )


def scores(seed=0, shape=(40, 12, 3)):
    values = np.random.default_rng(seed).normal(0.6, 0.3, shape)
    values += 0.1 * np.arange(shape[2])
    names = tuple(f"t{n}" for n in range(shape[0]))
    return Scores("held_out", names, values, ("hopeless",))


def generator():
    return np.random.default_rng(7)


def test_a_score_is_the_share_of_the_way_from_random_to_best():
    rewards = np.array([[0.2, 0.6], [0.5, 0.3], [0.9, 0.9]])[:, None, :, None]
    pairs = references((0.2, 0.6), (0.1, 0.9), (0.85, 0.9))
    found = normalised(rewards, pairs)
    assert found.names == ("t0", "t1")
    assert found.left_out == ("t2",)
    np.testing.assert_allclose(found.values[:, 0], [[0.0, 1.0], [0.5, 0.25]])
    assert normalised(rewards, pairs, margin=0.01).left_out == ()


def test_players_count_alike():
    rewards = np.array([0.2, 0.6]).reshape(1, 1, 1, 2)
    assert normalised(rewards, references((0.0, 0.8))).values.item() == 0.5


def test_an_agent_that_adapts_scores_so_and_an_oracle_scores_one():
    known = references(*[(1 / 3, 1.0)] * 3)
    played_ = STAGE.played(
        Searcher(), Levers(), Episodes(2, 8), (), TASKS, jax.random.key(0)
    )
    found = normalised(played_, known)
    by_hand = (np.array(ALONE) - 1 / 3) / (2 / 3)
    np.testing.assert_allclose(found.values[:, 0, 0], by_hand, atol=1e-6)
    np.testing.assert_allclose(found.values[:, 0, 1], 1.0, atol=1e-6)
    gained = adaptation(found, generator())
    assert gained.value == pytest.approx(1 - by_hand.mean())


def test_what_does_not_belong_together_is_refused():
    rewards = np.zeros((2, 1, 1, 1))
    with pytest.raises(Refusal, match="rewards of 2 tasks, and references of 1"):
        normalised(rewards, references((0.0, 1.0)))
    with pytest.raises(Refusal, match="margin is 0"):
        normalised(rewards[:1], references((0.0, 1.0)), margin=0.0)
    with pytest.raises(Refusal, match="ended before"):
        normalised(rewards[:1] * np.nan, references((0.0, 1.0)))


def test_the_best_is_raised_only_where_it_is_beaten():
    before = references((0.0, 0.5), (0.0, 0.5))
    after = before.raised([0.4, 0.7], "run 3")
    assert [task.best for task in after.tasks] == [0.5, 0.7]
    assert [task.holder for task in after.tasks] == ["scripted", "run 3"]
    with pytest.raises(Refusal, match="1 rewards for 2 tasks"):
        before.raised([0.4], "run 3")


def test_a_summary_is_what_numpy_says():
    known = scores()
    found = summary(known, generator(), threshold=0.7)
    assert (found.tasks, found.left_out, found.repetitions) == (40, 1, 12)
    for trial, told in enumerate(found.trials):
        values = known.values[:, :, trial]
        means = values.mean(1)
        assert told.mean.value == pytest.approx(means.mean())
        assert told.median.value == pytest.approx(np.median(means))
        assert told.p20.value == pytest.approx(np.percentile(means, 20))
        assert told.iqm.value == pytest.approx(stats.trim_mean(values.ravel(), 0.25))
        assert told.above == np.mean(means > 0.7)
        assert told.iqm.low < told.iqm.value < told.iqm.high


def test_the_mean_has_the_interval_of_its_repetitions():
    known = scores(shape=(30, 40, 1))
    told = summary(known, generator()).trials[0].mean
    error = np.sqrt(known.values[:, :, 0].var(1).mean() / 40 / 30)
    assert told.high - told.low == pytest.approx(2 * 1.645 * error, rel=0.1)


def test_adaptation_is_paired_over_tasks():
    shape = (400, 1, 2)
    known = scores(shape=shape)
    gained = known.values[:, 0, 1] - known.values[:, 0, 0]
    found = adaptation(known, generator())
    half = 1.96 * gained.std() / np.sqrt(400)
    assert found.value == pytest.approx(gained.mean())
    assert found.low == pytest.approx(gained.mean() - half, abs=0.2 * half)
    assert found.high == pytest.approx(gained.mean() + half, abs=0.2 * half)
    # What is gained alike on tasks however different tells no doubt.
    apart = np.random.default_rng(0).normal(size=(50, 1, 1)) + np.array([0.0, 0.25])
    found = adaptation(Scores("held_out", tuple("x" * 50), apart), generator())
    assert found.low == pytest.approx(0.25)
    assert found.high == pytest.approx(0.25)


def test_one_repetition_or_one_trial_claims_no_more_than_it_tells():
    found = summary(scores(shape=(9, 1, 1)), generator())
    assert found.adaptation is None
    assert np.isnan(found.trials[0].iqm.low)
    assert "played once" in found.warnings[1]
    assert "1 of 10 tasks" in found.warnings[0]
    few = summary(scores(shape=(9, 3, 1)), generator())
    assert "too narrow" in few.warnings[1]


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.01, float("nan")])
def test_a_threshold_lies_above_0_and_up_to_1(threshold):
    with pytest.raises(Refusal, match="threshold"):
        summary(scores(), generator(), threshold=threshold)


def test_no_task_with_a_score_is_refused():
    empty = Scores("held_out", (), np.zeros((0, 1, 2)), ("t0",))
    with pytest.raises(Refusal, match="None of the 1 tasks"):
        summary(empty, generator())
    with pytest.raises(Refusal, match="None of the 1 tasks"):
        rows("r", 0, empty)


def test_rows_are_those_of_the_table():
    known = scores(shape=(5, 4, 2))
    table = rows("width8-s0", 3, known)
    assert segment.conform(table, SCORES).equals(table)
    assert not table.select(list(SCORES)[:6]).is_duplicated().any()
    assert table.height == 2 * (5 + 5)
    assert set(table["run"]) == {"width8-s0"}
    assert set(table["k"]) == {2}
    one = table.filter(pl.col("task") == "t2", pl.col("trial") == 1)
    assert one["score"].item() == pytest.approx(known.values[2, :, 1].mean())
    assert one["spread"].item() == pytest.approx(known.values[2, :, 1].std())
    whole = table.filter(pl.col("task") == "held_out", pl.col("trial") == 0)
    assert whole["score"].item() == pytest.approx(known.values[:, :, 0].mean())
    by_repetition = known.values[:, :, 0].mean(0)
    assert whole["spread"].item() == pytest.approx(by_repetition.std())
    low = table.filter(pl.col("task") == "held_out p20", pl.col("trial") == 0)
    means = known.values[:, :, 0].mean(1)
    assert low["score"].item() == pytest.approx(np.percentile(means, 20))
    least = table.filter(pl.col("task") == "held_out lowest decile")
    assert least["score"][0] == pytest.approx(means.min())  # of five tasks, one


def test_parts_of_a_split_are_joined():
    one, other = scores(0, (2, 3, 2)), scores(1, (4, 3, 2))
    whole = joined([one, other])
    assert whole.names == one.names + other.names
    assert whole.left_out == ("hopeless", "hopeless")
    np.testing.assert_array_equal(whole.values[2:], other.values)
