"""Populations in studies: one run each, whose members copy each other."""

import dataclasses
import json
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from allometry.agents import lineage as lineages
from allometry.agents import population as populations
from allometry.agents.population import Peers, Population
from allometry.agents.ppo import PPO
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.curves.table import LINEAGE, schema
from allometry.environments.environment import TimeStep
from allometry.environments.probes import PROBES
from allometry.refusal import Refusal
from allometry.studies import checkpoint
from allometry.studies import schema as files
from allometry.studies.compiled import QUICK
from allometry.studies.peers import Together

SIZE, READY, ITERATIONS = 3, 2, 8
#: Agent steps of one iteration of the tiny study: copies × length × members.
EVERY = 4 * 16 * SIZE
PEERS = {"size": SIZE, "ready": READY, "fraction": 0.34}


@pytest.fixture(scope="module")
def survey(studies):
    def survey(**changes: object):
        training = {"interactions": ITERATIONS * EVERY, "checkpoints": 4}
        return studies.survey_of(training=training, population=PEERS | changes)

    return survey


@pytest.fixture(scope="module")
def store(studies, survey, tmp_path_factory):
    """Two populations, trained without interruption."""
    return studies.train(survey(), tmp_path_factory.mktemp("peers") / "s")[0]


def test_a_population_is_one_run_and_costs_what_its_members_do(
    studies, survey, store
) -> None:
    facts, alone = survey().facts[0], studies.survey_of().facts[0]
    assert facts.parameters_by_part == alone.parameters_by_part
    assert facts.costs == alone.costs
    assert facts.interactions == ITERATIONS * EVERY
    assert facts.iteration_interactions == SIZE * alone.iteration_interactions
    points = np.array(facts.checkpoints)
    table = store.table()
    assert store.runs()["status"].to_list() == ["done", "done"]
    assert table.height == 2 * len(points)
    for (_,), curve in table.group_by("run"):
        assert curve["interactions"].to_list() == (EVERY * points).tolist()
        # Four gradient steps of each member in every iteration.
        assert curve["updates"].to_list() == (4 * SIZE * points).tolist()
        cost = facts.costs.act + facts.costs.learn
        np.testing.assert_allclose(curve["compute"], EVERY * points * cost)


def test_who_copied_whom_is_a_table(store) -> None:
    table = store.lineage()
    assert table.schema == schema(LINEAGE)
    events = range(0, ITERATIONS, READY)
    assert table["interactions"].unique().to_list() == [EVERY * at for at in events]
    assert table.height == 2 * len(events) * SIZE
    for (_,), run in table.group_by("run"):
        assert_replays(run)


def assert_replays(run: pl.DataFrame) -> None:
    """Play a lineage again by hand: settings come from the parents' of before."""
    before: dict[int, dict[str, float]] = {}
    copies = 0
    for (at,), rows in run.group_by("interactions", maintain_order=True):
        now = {
            member: json.loads(settings)
            for member, settings in rows.select("member", "settings").rows()
        }
        assert list(now) == list(range(SIZE))
        assert (rows["fitness"].null_count() == SIZE) == (at == 0)
        for member, parent in rows.select("member", "parent").rows():
            if at == 0:
                assert parent == member
                continue
            factor = now[member].pop("learning_rate") / before[parent]["learning_rate"]
            choices = (1.0,) if parent == member else (0.8, 1.2)
            assert min(abs(factor - choice) for choice in choices) < 1e-5
            assert now[member] == {
                name: value
                for name, value in before[parent].items()
                if name != "learning_rate"
            }
            copies += parent != member
            now[member]["learning_rate"] = factor * before[parent]["learning_rate"]
        before = now
    assert copies >= 1


def test_the_fittest_member_is_the_one_that_is_measured(store) -> None:
    state = store.claim("width-4", {}).checkpoint()
    fitness = state["fitness/parameters"]
    assert fitness.shape == (2, SIZE)
    best = fitness.argmax(axis=1)
    assert store.progress("width-4")["scored"] == best.tolist()
    end = store.curves()["checkpoint"].max()
    scores = store.scores().filter(checkpoint=end)
    for number, run in enumerate(sorted(store.runs()["run"])):
        own = scores.filter(run=run)
        for split in ("train", "held_out"):
            members = own.filter(split=f"{split} by member")
            assert members["task"].to_list() == [f"member-{i}" for i in range(SIZE)]
            # What the run has is the fittest's, and nothing else is in its split.
            (score,) = own.filter(split=split)["score"]
            assert score == members["score"][int(best[number])]
        reached = store.curves().filter(run=run, checkpoint=end)["performance"]
        assert reached[0] == own.filter(task="train")["score"][0]


def test_interrupted_is_the_same_as_not_interrupted(
    studies, survey, store, tmp_path
) -> None:
    complete = False
    while not complete:
        stop = threading.Event()
        watcher = studies.Watcher(on_advance=lambda chunks, stop=stop: stop.set())
        again, complete = studies.train(
            survey(), tmp_path / "s", watcher=watcher, stop=stop
        )
    assert again.runs()["attempts"].max() == len(survey().facts[0].checkpoints)
    one, other = studies.deterministic(again), studies.deterministic(store)
    for name in one:
        assert studies.same_bits(one[name], other[name]), name
    assert studies.same_bits(again.lineage(), store.lineage())
    states = [each.claim("width-4", {}).checkpoint() for each in (again, store)]
    for name, array in states[0].items():
        assert array.tobytes() == states[1][name].tobytes(), name


def test_members_that_diverge_are_recorded_and_replaced(
    studies, survey, tmp_path
) -> None:
    wild, _ = studies.train(survey(spread=1e30), tmp_path / "s")
    assert wild.runs()["status"].to_list() == ["done", "done"]
    assert wild.curves()["performance"].null_count() == 0
    later = wild.lineage().filter(pl.col("interactions") > 0)
    lost = later.filter(pl.col("fitness").is_null())
    assert 0 < lost.height < later.height
    assert (lost["member"] != lost["parent"]).all()
    place = ["run", "interactions"]
    copied = lost.join(
        later.select(*place, "fitness", parent="member"), on=[*place, "parent"]
    )
    assert copied.height == lost.height
    assert copied["fitness_right"].null_count() == 0
    whole = wild.curves().height * 2 * (1 + SIZE)
    assert 0 < wild.scores().height < whole


def test_a_study_without_populations_has_no_lineage(trained) -> None:
    assert trained.lineage().is_empty()
    assert set(trained.scores()["task"]) == {"train", "held_out"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 1}, r"population\.size is 1, and one member alone has nobody to cop"),
        ({"fraction": 0.6}, r"population\.fraction is 0\.6; give more than 0 and at"),
        ({"explored": ["width"]}, r'population\.explored holds "width", which is no'),
        ({"reddy": 3}, r'no key "population\.reddy"; the keys here are: size, ready,'),
        ({"size": 2.5}, r"population\.size is 2\.5; "),
        ({"perturb": []}, r"population\.perturb is \(\); give at least one factor"),
    ],
)
def test_what_cannot_be_a_population_is_refused(survey, changes, words) -> None:
    with pytest.raises(Refusal, match=words):
        survey(**changes)


def test_the_files_defaults_are_the_populations_own() -> None:
    own = {
        field.name: list(field.default)
        if isinstance(field.default, tuple)
        else field.default
        for field in dataclasses.fields(Population)
        if field.name not in ("agent", "size")
    }
    asked = files.Population(size=2).model_dump()
    assert asked.pop("size") == 2
    assert asked == own


# --- A population of a probe, whose programs are small. ---

PROBE = PROBES["chosen_reward"]
AGENT = PPO(width=4, depth=0, minibatches=2, learning_rate=0.02, discount=0.9)
TOGETHER = Together(
    Population(AGENT, size=SIZE, ready=READY, fraction=0.34),
    Uniform(),
    Schedule(copies=4, length=4),
    None,
    ITERATIONS,
)


class Rate:
    """A measure that is not exact: a learner is worth its learning rate."""

    def found(self, agent: PPO, learner: Any) -> dict[str, jax.Array]:
        return {"held_out": learner.settings["learning_rate"]}

    def read(self, *parts: object) -> None: ...


@pytest.fixture(scope="module")
def begun() -> Peers:
    return jax.jit(
        lambda: TOGETHER.begin(PROBE, AGENT.settings(), jax.random.key(0)),
        compiler_options=QUICK,
    )()


@pytest.fixture(scope="module")
def advance():
    @jax.jit
    def chunk(peers: Peers, first: jax.Array, iterations: jax.Array):
        parts = (peers, first, iterations, jnp.bool_(True))
        return TOGETHER.chunk(PROBE, Rate(), *parts)

    return chunk


def with_rates(peers: Peers, rates: list[float]) -> Peers:
    learner = peers.members.learner
    settings = learner.settings | {"learning_rate": jnp.array(rates, jnp.float32)}
    members = peers.members._replace(learner=learner._replace(settings=settings))
    return peers._replace(members=members)


def test_where_agents_are_played_only_the_best_member_is(begun, advance) -> None:
    chunk = advance(with_rates(begun, [0.01, 0.02, 0.04]), 0, 2)
    assert chunk.by_member == {}
    best = int(np.asarray(populations.fitness(chunk.members)).argmax())
    assert int(chunk.scored) == best
    assert float(chunk.performance["held_out"]) == pytest.approx(
        [0.01, 0.02, 0.04][best]
    )
    learner = TOGETHER.learner(chunk.members, best)
    assert float(learner.settings["learning_rate"]) == pytest.approx(
        float(chunk.performance["held_out"])
    )


def test_a_member_that_diverged_is_never_the_best(begun, advance) -> None:
    chunk = advance(with_rates(begun, [1e30, 0.02, 1e30]), 0, 2)
    assert bool(chunk.finite)
    assert int(chunk.scored) == 1
    after = advance(chunk.members, 2, 1)
    assert np.isfinite(populations.fitness(after.members)).all()
    log = lineages.read(after.members.lineage)
    assert log.parent[-1].tolist() == [1, 1, 1]


def test_a_run_has_diverged_when_all_its_members_have(begun, advance) -> None:
    peers = with_rates(begun, [1e30] * SIZE)
    chunk = advance(peers, 0, 2)
    assert not bool(chunk.finite)
    before, after = checkpoint.pack(peers), checkpoint.pack(chunk.members)
    for name, array in before.items():
        assert after[name].tobytes() == array.tobytes(), name


def test_members_of_a_bundle_stand_along_one_axis(begun) -> None:
    both = jax.tree.map(lambda x: jnp.stack([x, x]), begun)
    members = TOGETHER.members(both)
    seen: TimeStep = members.loop.timestep
    assert seen.first.shape == (2 * SIZE, 4)
    np.testing.assert_array_equal(members.key[SIZE:], begun.members.key)
