"""Populations: who copies whom, what a copy takes along; cuts do not matter."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import lineage, population
from allometry.agents.agent import traced_names
from allometry.agents.population import Peers, Population
from allometry.agents.ppo import PPO
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.environments.probes import PROBES
from allometry.refusal import Refusal

PROBE = PROBES["chosen_reward"]
SCHEDULE = Schedule(copies=16, length=4)
AGENT = PPO(
    width=4, depth=0, minibatches=2, learning_rate=0.02, discount=0.9, entropy=0.0
)
SIZE, READY, ITERATIONS = 6, 4, 60
POPULATION = Population(
    AGENT,
    size=SIZE,
    ready=READY,
    fraction=0.34,
    explored=("learning_rate", "discount"),
)
PARTS = (PROBE, Uniform(), SCHEDULE)
KEY = jax.random.key(0)

traces = 0


compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0}
)


@functools.partial(compiled, static_argnums=(0, 2))
def begin(peers_of: Population, key: jax.Array, iterations: int = ITERATIONS) -> Peers:
    return population.begin(peers_of, *PARTS, key, iterations)


@compiled
def advance(peers: Peers, first: int, iterations: int) -> tuple[Peers, dict]:
    global traces
    traces += 1
    return population.advance(POPULATION, *PARTS, peers, first, iterations)


@functools.partial(compiled, static_argnums=0)
def exploit(peers_of: Population, peers: Peers, number: int) -> Peers:
    return population.exploit(peers_of, peers, number)


@functools.partial(compiled, static_argnums=1)
def parents(fitness: jax.Array, exchanged: int, keys: jax.Array) -> jax.Array:
    draw = jax.vmap(population.parents, (None, None, 0))
    return draw(fitness, exchanged, keys)


def numbered(peers: Peers, **settings: object) -> Peers:
    """Give members other settings; `clip` is not explored and tells the founder."""
    members = peers.members
    given = {"clip": 0.2 + 0.001 * np.arange(SIZE)} | settings
    changed = members.learner.settings | {
        name: jnp.asarray(values, jnp.float32) for name, values in given.items()
    }
    learner = members.learner._replace(settings=changed)
    written = lineage.start(changed, POPULATION.exploits(ITERATIONS))
    return peers._replace(members=members._replace(learner=learner), lineage=written)


def founders(peers: Peers) -> np.ndarray:
    clip = np.asarray(peers.members.learner.settings["clip"])
    return np.round((clip - 0.2) / 0.001).astype(int)


def assert_equal(one: object, other: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def member(tree: object, number: int) -> object:
    return jax.tree.map(lambda x: np.asarray(x)[number], tree)


@pytest.fixture(scope="module")
def started() -> Peers:
    return numbered(begin(POPULATION, KEY))


@pytest.fixture(scope="module")
def trained(started: Peers) -> Peers:
    return advance(started, 0, ITERATIONS)[0]


def test_one_good_learning_rate_takes_over_the_population(started: Peers) -> None:
    good = 3
    rates = np.full(SIZE, 1e-12)
    rates[good] = 0.02
    peers = numbered(started, learning_rate=rates)
    assert founders(peers).tolist() == list(range(SIZE))
    peers, _ = advance(peers, 0, ITERATIONS)
    _, metrics = advance(peers, ITERATIONS, 1)
    assert founders(peers).tolist() == [good] * SIZE
    # 1 is optimal and 0 is chance; every other row shows the end of an episode.
    assert np.asarray(metrics["reward"]).min() > 0.45
    assert np.asarray(peers.members.learner.settings["learning_rate"]).min() > 1e-4


def test_without_an_exploit_a_bad_learning_rate_stays_bad(started: Peers) -> None:
    rates = np.full(SIZE, 1e-12)
    peers, metrics = advance(numbered(started, learning_rate=rates), 0, READY)
    assert abs(np.asarray(metrics["reward"])).max() < 0.25
    assert int(peers.lineage.events) == 1


def test_lineage_replayed_by_hand_says_who_descends_from_whom(trained: Peers) -> None:
    log = lineage.read(trained.lineage)
    assert log.iteration.tolist() == list(range(0, ITERATIONS, READY))
    descends = np.arange(SIZE)
    copies = 0
    for row in range(1, len(log.iteration)):
        descends = descends[log.parent[row]]
        copies += (log.parent[row] != np.arange(SIZE)).sum()
    assert copies > 0
    np.testing.assert_array_equal(lineage.ancestors(trained.lineage)[-1], descends)
    np.testing.assert_array_equal(founders(trained), descends)


def test_lineage_holds_the_settings_after_every_exploit(trained: Peers) -> None:
    log = lineage.read(trained.lineage)
    one = np.float32(1)
    seen = set()
    for row in range(1, len(log.iteration)):
        for i, parent in enumerate(log.parent[row]):
            before = {name: x[row - 1][parent] for name, x in log.settings.items()}
            after = {name: x[row][i] for name, x in log.settings.items()}
            if parent == i:
                assert after == before
                continue
            rate = after.pop("learning_rate") / before.pop("learning_rate")
            gap = (one - after.pop("discount")) / (one - before.pop("discount"))
            for factor in (rate, gap):
                nearest = min(POPULATION.perturb, key=lambda x: abs(x - factor))
                assert factor == pytest.approx(nearest, rel=1e-4)
                seen.add(nearest)
            assert after == before
            assert log.fitness[row][parent] > log.fitness[row][i]
    assert seen == set(POPULATION.perturb)
    last = {name: x[-1] for name, x in log.settings.items()}
    assert_equal(trained.members.learner.settings, last)


@pytest.mark.parametrize("lengths", [(1, 3, 1, 7, 48), (4, 4, 52), (59, 1)])
def test_chunks_make_no_difference(
    lengths: tuple[int, ...], started: Peers, trained: Peers
) -> None:
    peers, at = started, 0
    for length in lengths:
        peers, _ = advance(peers, at, length)
        at += length
    assert at == ITERATIONS
    assert_equal(peers, trained)


def test_a_chunk_gives_the_means_of_its_metrics(started: Peers) -> None:
    peers, rewards = started, []
    for number in range(6):
        peers, metrics = advance(peers, number, 1)
        rewards.append(np.asarray(metrics["reward"]))
    _, whole = advance(started, 0, 6)
    np.testing.assert_allclose(whole["reward"], np.mean(rewards, 0), rtol=1e-6)
    # Since the exploit before iteration 4 there were two.
    decay = POPULATION.smoothing / (POPULATION.smoothing + 1)
    smooth = (decay * rewards[4] + rewards[5]) / (decay + 1)
    np.testing.assert_allclose(population.fitness(peers), smooth, rtol=1e-5, atol=1e-6)


def test_members_that_diverged_are_replaced_and_never_copied(started: Peers) -> None:
    lost = [0, 2, 5]
    assert len(lost) > POPULATION.exchanged
    rates = np.asarray(started.members.learner.settings["learning_rate"]).copy()
    rates[lost] = np.nan
    peers, _ = advance(numbered(started, learning_rate=rates), 0, READY)
    assert np.isnan(population.fitness(peers)).tolist() == [i in lost for i in range(6)]
    # What no number says may have rewards, and good ones.
    rewards = jnp.where(jnp.isnan(rates), 10.0, peers.fitness.parameters)
    peers = peers._replace(fitness=peers.fitness._replace(parameters=rewards))
    peers, _ = advance(peers, READY, 1)
    parent = lineage.read(peers.lineage).parent[1]
    assert not set(parent) & set(lost)
    assert np.isfinite(population.fitness(peers)).all()


def test_where_all_have_diverged_nobody_is_copied(started: Peers) -> None:
    rates = np.full(SIZE, np.nan)
    peers, _ = advance(numbered(started, learning_rate=rates), 0, READY + 1)
    log = lineage.read(peers.lineage)
    assert log.parent[1].tolist() == list(range(SIZE))
    assert np.isnan(log.fitness[1]).all()


def test_exploits_do_not_compile_again(trained: Peers, started: Peers) -> None:
    advance(started, 0, 1)
    advance(started, READY - 1, 2 * READY)
    assert traces == 1


def test_a_copy_takes_the_learner_and_leaves_the_loop_and_the_key(
    started: Peers,
) -> None:
    peers, _ = advance(started, 0, READY)
    given = jnp.array([3.0, 1.0, 5.0, 5.0, 4.0, 2.0])
    before = peers._replace(fitness=peers.fitness._replace(parameters=given))
    after = exploit(POPULATION, before, READY)
    parent = lineage.read(after.lineage).parent[1]
    assert set(parent[[1, 5]]) <= {2, 3}
    np.testing.assert_array_equal(parent[[0, 2, 3, 4]], [0, 2, 3, 4])
    for i in range(SIZE):
        old = member(before.members.learner, parent[i])
        new = member(after.members.learner, i)
        assert_equal(new._replace(settings={}), old._replace(settings={}))
    assert_equal(after.members.loop, before.members.loop)
    assert_equal(after.members.key, before.members.key)
    assert_equal(after.key, before.key)
    assert_equal(after.fitness, jax.tree.map(jnp.zeros_like, after.fitness))
    again = exploit(POPULATION, before, READY)
    assert_equal(again, after)


def test_a_copy_takes_what_its_learner_goes_back_to(started: Peers) -> None:
    loop = started.members.loop._replace(replay=jnp.arange(SIZE) + 10)
    fitness = started.fitness._replace(parameters=jnp.arange(6.0))
    members = started.members._replace(loop=loop)
    after = exploit(
        POPULATION, started._replace(members=members, fitness=fitness), READY
    )
    parent = lineage.read(after.lineage).parent[1]
    assert set(parent[:2]) <= {4, 5}
    np.testing.assert_array_equal(after.members.loop.replay, parent + 10)


@dataclasses.dataclass(frozen=True)
class Remembering(PPO):
    """Begins with a memory of 7s."""

    def initial_memory(self, learner: object) -> jax.Array:
        del learner
        return jnp.full(3, 7.0)


def test_the_memory_of_a_copy_is_cleared(started: Peers) -> None:
    agent = Remembering(**vars(AGENT))
    peers_of = dataclasses.replace(POPULATION, agent=agent)
    full = jnp.ones((SIZE, SCHEDULE.copies, 1, 3))
    loop = started.members.loop._replace(memory=full)
    fitness = started.fitness._replace(parameters=jnp.arange(6.0))
    members = started.members._replace(loop=loop)
    after = exploit(peers_of, started._replace(members=members, fitness=fitness), READY)
    found = np.asarray(after.members.loop.memory)
    assert (found[:2] == 7).all()
    assert (found[2:] == 1).all()


def test_members_begin_apart_and_within_the_spread() -> None:
    peers = begin(POPULATION, KEY)
    settings = {k: np.asarray(x) for k, x in peers.members.learner.settings.items()}
    own = AGENT.settings()
    factors = {
        "learning_rate": settings["learning_rate"] / own["learning_rate"],
        "discount": (1 - settings["discount"]) / (1 - own["discount"]),
    }
    for name, factor in factors.items():
        assert len(set(factor.tolist())) == SIZE, name
        assert (factor >= 0.4999).all(), name
        assert (factor <= 2.0001).all(), name
    for name in set(own) - set(factors):
        np.testing.assert_array_equal(settings[name], np.full(SIZE, own[name]))
    weights = np.asarray(jax.tree.leaves(peers.members.learner.networks.policy)[0])
    assert not np.array_equal(weights[0], weights[1])


def test_without_a_spread_all_begin_alike() -> None:
    peers = begin(dataclasses.replace(POPULATION, spread=1.0), KEY)
    for name, value in AGENT.settings().items():
        found = peers.members.learner.settings[name]
        np.testing.assert_array_equal(found, np.full(SIZE, value))


@pytest.mark.parametrize("exchanged", [1, 2, 3])
def test_parents_are_those_of_truncation_selection(exchanged: int) -> None:
    generator = np.random.default_rng(exchanged)
    keys = jax.random.split(KEY, 40)
    for _ in range(30):
        fitness = generator.integers(-2, 3, 7).astype(np.float32)  # many ties
        fitness[generator.random(7) < 0.3] = generator.choice([np.nan, np.inf])
        sound = [i for i in range(7) if np.isfinite(fitness[i])]
        ranked = sorted(sound, key=lambda i: (-fitness[i], i))
        ranked += [i for i in range(7) if i not in sound]
        best = [i for i in ranked[:exchanged] if i in sound]
        for parent in np.asarray(parents(jnp.asarray(fitness), exchanged, keys)):
            for i in range(7):
                if not sound or (i in sound and i not in ranked[-exchanged:]):
                    assert parent[i] == i
                elif i not in sound:
                    assert parent[i] in best
                else:
                    better = [j for j in best if fitness[j] > fitness[i]]
                    assert parent[i] in [*better, i]
                    assert parent[i] != i or better != best


def test_the_best_are_equally_likely_parents() -> None:
    fitness = jnp.array([9.0, 5.0, 8.0, 1.0])
    drawn = parents(fitness, 2, jax.random.split(KEY, 400))
    worst = np.asarray(drawn)[:, 3]
    assert set(worst) == {0, 2}
    assert abs((worst == 0).mean() - 0.5) < 0.1  # 4 standard deviations
    assert np.asarray(drawn)[:, :1].tolist() == [[0]] * 400


def test_equals_do_not_copy_each_other() -> None:
    drawn = parents(jnp.full(5, 2.0), 2, jax.random.split(KEY, 20))
    assert drawn.tolist() == [list(range(5))] * 20


@pytest.mark.parametrize(
    ("size", "fraction", "exchanged"),
    [(2, 0.2, 1), (8, 0.2, 1), (10, 0.2, 2), (100, 0.29, 29), (5, 0.5, 2)],
)
def test_how_many_are_exchanged(size: int, fraction: float, exchanged: int) -> None:
    assert Population(AGENT, size=size, fraction=fraction).exchanged == exchanged


@pytest.mark.parametrize(
    ("iterations", "exploits"), [(0, 0), (1, 0), (4, 0), (5, 1), (8, 1), (9, 2)]
)
def test_exploits_are_counted(iterations: int, exploits: int) -> None:
    assert POPULATION.exploits(iterations) == exploits
    numbers = [i for i in range(iterations) if i > 0 and i % READY == 0]
    assert len(numbers) == exploits


def test_more_exploits_than_there_is_room_for_are_refused() -> None:
    settings = {"learning_rate": jnp.ones(2)}
    log = lineage.start(settings, 1)
    for number in (1, 2):
        log = lineage.record(
            log, jnp.int32(number), jnp.zeros(2, jnp.int32), jnp.ones(2), settings
        )
        if number == 1:
            assert lineage.read(log).iteration.tolist() == [0, 1]
    with pytest.raises(Refusal, match=r"room for 1 exploits and there were 2.*Begin"):
        lineage.read(log)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": 1}, r"size is 1.*nobody to copy.*at least 2"),
        ({"ready": 0}, r"population\.ready is 0; give at least 1"),
        ({"fraction": 0.0}, r"population\.fraction is 0\.0; give more than 0"),
        ({"fraction": 0.6}, r"population\.fraction is 0\.6"),
        ({"perturb": ()}, r"population\.perturb is \(\)"),
        ({"perturb": (0.8, -1.2)}, r"population\.perturb"),
        ({"spread": 0.5}, r"population\.spread is 0\.5"),
        ({"smoothing": -1.0}, r"population\.smoothing is -1\.0"),
        ({"explored": ("width",)}, rf'"width".*{", ".join(traced_names(AGENT))}'),
        ({"explored": ("horizont",)}, r'"horizont".*no traced'),
        ({"explored": ("entropy",)}, r'"entropy", which is 0 and stays so'),
        ({"explored": ("trace",)}, r'"trace", which is 1 and stays so'),
    ],
)
def test_what_no_population_can_be_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        Population(**{"agent": AGENT, "size": 4} | changes)
