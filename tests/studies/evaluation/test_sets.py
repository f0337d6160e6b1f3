import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import XLand, preset
from allometry.environments.xland.probes import probe
from allometry.environments.xland.scripted import scripted
from allometry.environments.xland.tasks.meaning import side_of
from allometry.environments.xland.tasks.shift import SPLITS
from allometry.refusal import Refusal
from allometry.studies.evaluation import references, sets
from allometry.studies.evaluation.evaluate import evaluate, sets_of
from allometry.studies.evaluation.handmade import ProbeSet, probe_sets
from allometry.studies.evaluation.protocol import FULL, LIGHT, Protocol
from allometry.studies.evaluation.references import Reference, References
from allometry.studies.evaluation.scores import normalised
from allometry.studies.evaluation.sets import TestSet, of_split

REACH = XLand(preset("reach"))
DEFAULT = XLand()


class Still:
    """Stands, whatever it sees; reads tables of the bodies of `rows` alone."""

    def __init__(self, rows):
        self.rows = rows

    def initial_memory(self, learner):
        return ()

    def act(self, learner, timestep, memory, key, *, explore=True):
        rows = timestep.observation.bodies.shape[-2]
        if rows != self.rows:
            raise ValueError(f"{rows} bodies\nand more")
        players = timestep.reward.shape[0]
        return jnp.zeros((players, 6), jnp.int32), memory, {}


def made_up(tested, **changes):
    """Give references without playing."""
    tasks = tuple(
        Reference(task=name, random=0.0, spread=0.1, best=0.1 + 0.7, holder="scripted")
        for name in tested.names
    )
    found = References(
        split=tested.split,
        repetitions=1,
        tries=1,
        tasks=tasks,
        **references._circumstances(tested.environment),
    )
    return found.model_copy(update=changes)


def test_unseen_worlds_hold_games_of_training_and_no_world_of_it():
    held, alike = of_split(REACH, count=64), of_split(REACH, "unseen_worlds", 64)
    for (world, game), (same, even) in zip(held.numbers, alike.numbers, strict=True):
        assert (world % 2, game % 2) == (1, 1)
        assert (same, even) == (world, game - 1)
    side = jax.vmap(lambda game: side_of(game, REACH.dials))
    assert (side(alike.tasks.game) == 0).all()
    assert (side(held.tasks.game) == 1).all()


def test_test_tasks_are_odd_and_a_shorter_set_begins_a_longer_one():
    long, short = of_split(REACH), of_split(REACH, count=128)
    assert len(long.numbers) == len(set(long.numbers)) == 1000
    assert all(world % 2 == game % 2 == 1 for world, game in long.numbers)
    assert long.numbers[:128] == short.numbers
    assert long.names[0] == "{}-{}".format(*long.numbers[0])


def test_every_run_of_the_same_dials_has_the_same_test_set():
    few = dataclasses.replace(REACH, worlds=3, games=5)
    assert of_split(few) == of_split(REACH)


@pytest.mark.parametrize("split", ["unseen_shape", "larger_arena", "more_rules"])
def test_splits_outside_of_training_are_shifted(split):
    found = of_split(DEFAULT, split, 7)
    assert found.split == split
    assert found.environment == DEFAULT.shifted(split)
    assert len(found.numbers) == 7


def test_a_set_that_meets_training_is_refused():
    with pytest.raises(Refusal, match="where training does"):
        TestSet(REACH)
    held_out = dataclasses.replace(REACH, held_out=True)
    for split in ("held_out", "larger_arena"):
        with pytest.raises(Refusal, match="Training draws held-out tasks"):
            of_split(held_out, split)
    with pytest.raises(Refusal, match="Training draws held-out tasks"):
        sets_of(held_out, LIGHT)
    with pytest.raises(Refusal, match="number of test tasks is 0"):
        of_split(REACH, count=0)


def test_the_protocols_are_what_they_say():
    assert (LIGHT.tasks, LIGHT.trials, LIGHT.repetitions) == (128, None, 1)
    assert (FULL.tasks, FULL.trials) == (1000, (1, 2, 3, 5, 8, 13))
    assert set(FULL.splits) == {"held_out", *SPLITS}
    assert FULL.probes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tasks": 0}, "tasks is 0"),
        ({"repetitions": 0}, "repetitions is 0"),
        ({"trials": (1, 0)}, "k is 0"),
        ({"trials": (65,)}, "at most 64"),
        ({"trials": ()}, "Nothing is tested"),
        ({"splits": ()}, "Nothing is tested"),
        ({"splits": ("train",)}, "no split 'train'"),
        ({"threshold": 1.5}, "threshold is 1.5"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(Refusal, match=said):
        Protocol(**wrong)


def test_what_a_protocol_cannot_have_is_said():
    found, sentences = sets_of(REACH, FULL)
    splits = {each.split for each in found}
    assert splits >= {"held_out", "larger_arena", "probes"}
    for split in set(SPLITS) - splits:
        assert any(split in sentence for sentence in sentences)


@pytest.mark.parametrize("players", [1, 2])
def test_every_probe_is_in_one_set_with_room_for_it(players):
    training = XLand(preset("default", players=players, objects=9))
    found, sentences = probe_sets(training)
    assert sentences == ()
    names = [name for each in found for name in each.names]
    assert sorted(names) == sorted(probe.names(players))
    same = 0
    for each in found:
        dials = each.environment.dials
        same += each.environment.spec.observation == training.spec.observation
        assert dials.objects >= 9
        assert each.environment.held_out
        for name in each.names:
            assert probe.load(name).dials.duration == dials.duration
            assert probe.load(name).dials.arena <= dials.arena
    assert 0 < same < len(found)  # some need more rows than there are


def test_probes_are_stacked_in_the_shapes_of_their_set():
    found, _ = probe_sets(DEFAULT)
    several = next(each for each in found if len(each.names) == 2)
    tasks = jax.eval_shape(lambda: several.tasks)
    assert tasks.game.kinds.shape == (2, several.environment.dials.objects)


def test_there_are_no_probes_for_three():
    found, sentences = probe_sets(XLand(preset("two", players=3)))
    assert found == ()
    assert sentences == ("There are no probes for 3 players.",)


def test_references_come_back_as_they_were_written(tmp_path):
    tested = of_split(REACH, count=4)
    path = tmp_path / "new" / references.file_name(tested)
    written = made_up(tested)
    references.write(path, written)
    assert references.load(path, tested) == written
    assert references.kept(path, tested) == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    shorter = of_split(REACH, count=3)
    assert references.load(path, shorter) == written.first(3)
    # The number of trials makes no difference to either side of the scale.
    many = sets.in_trials(tested.environment, 5)
    assert references.load(path, TestSet(many, count=4)) == written


def test_references_of_anything_else_are_refused(tmp_path):
    path = tmp_path / "references.json"
    references.write(path, made_up(of_split(REACH, count=4)))
    wider = XLand(preset("reach", arena=6))
    with pytest.raises(Refusal, match="for arena 5, and the test set has arena 6"):
        references.load(path, of_split(wider, count=4))
    with pytest.raises(Refusal, match="references of 4 tasks, and the test set has 5"):
        references.load(path, of_split(REACH, count=5))
    with pytest.raises(Refusal, match="of the split held_out, and those of larger"):
        references.load(path, of_split(REACH, "larger_arena", 4))
    shape = of_split(REACH, "unseen_shape", 4)
    references.write(path, made_up(shape))
    plain = dataclasses.replace(shape.environment, novelty=None)
    with pytest.raises(Refusal, match="other things are new"):
        references.load(path, TestSet(plain, "unseen_shape", 4))
    tasks = made_up(shape).tasks[::-1]
    references.write(path, made_up(shape, tasks=tasks))
    with pytest.raises(Refusal, match="where the test set has"):
        references.load(path, shape)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"split": 3}'])
def test_a_file_without_references_is_refused(tmp_path, text):
    path = tmp_path / "references.json"
    path.write_text(text)
    with pytest.raises(Refusal, match="holds no references"):
        references.load(path, of_split(REACH, count=4))
    with pytest.raises(Refusal, match="cannot be read"):
        references.load(tmp_path, of_split(REACH, count=4))


def test_references_hold_finite_numbers_only(tmp_path):
    tested = of_split(REACH, count=1)
    path = tmp_path / "references.json"
    references.write(path, made_up(tested))
    record = json.loads(path.read_text())
    record["tasks"][0]["best"] = float("nan")
    path.write_text(json.dumps(record))
    with pytest.raises(Refusal, match=r"tasks.0.best"):
        references.load(path, tested)


@pytest.mark.slow
def test_a_learner_is_played_through_a_protocol(tmp_path):
    """It stands still, so that only what chance has made is rewarded: nothing."""
    training = XLand(preset("reach", duration=3))
    protocol = Protocol(
        tasks=2, trials=(2,), repetitions=3, splits=("held_out", "more_objects")
    )
    tested = of_split(training, count=2)
    references.write(tmp_path / references.file_name(tested), made_up(tested))
    agent = Still(rows=training.dials.bodies)
    found = evaluate(agent, (), training, protocol, tmp_path, jax.random.key(0))
    (one,) = found.scores
    assert one.split == "held_out"
    assert one.names == tested.names
    np.testing.assert_array_equal(one.values, np.zeros((2, 3, 2)))
    (sentence,) = found.not_applicable
    assert sentence.startswith("The split more_objects is not applicable.")
    assert "bodies)" in sentence


@pytest.mark.slow
def test_measured_references_put_the_scripted_players_at_about_one():
    tested = of_split(REACH, count=6)
    found = references.measure(tested, repetitions=8, tries=2)
    assert found.first(6) == found
    for task in found.tasks:
        assert 0 <= task.random < task.best <= 1
        assert task.holder == "scripted"
    environment = sets.scriptable(tested.environment)
    again = scripted.play(environment, tested.tasks, seed=9).rewards.mean(1)
    scores = normalised(again[:, None, None], found)
    assert scores.left_out == ()
    assert scores.values.mean() == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
def test_the_best_of_a_probe_is_its_solution():
    found, _ = probe_sets(DEFAULT)
    environment = next(
        each.environment for each in found if "three_spheres_jumbled" in each.names
    )
    (best,) = ProbeSet(environment, ("three_spheres_jumbled",)).scripted(1)
    assert 0.1 < best <= 1


def test_references_of_fewer_tasks_make_way_for_all_of_them(tmp_path, monkeypatch):
    measured = []

    def measure(tested: TestSet) -> References:
        measured.append(len(tested.names))
        return made_up(tested)

    monkeypatch.setattr(references, "measure", measure)
    path = tmp_path / "references.json"
    for count in (2, 4, 2, 4):
        tested = of_split(REACH, count=count)
        assert references.kept(path, tested) == made_up(tested)
    assert measured == [2, 4]
