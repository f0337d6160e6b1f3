"""Co-players: who plays which slot, nothing is learned there, cuts do not matter."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import coplayers as company
from allometry.agents import loop as loops
from allometry.agents import population, training
from allometry.agents.actor import Actor
from allometry.agents.agent import Agent
from allometry.agents.coplayers import CoPlayers, Opponents, Slots
from allometry.agents.loop import Loop
from allometry.agents.population import Population
from allometry.agents.ppo import PPO
from allometry.agents.rollout import Batch, rollout
from allometry.agents.samplers import Uniform
from allometry.agents.samples import weights
from allometry.agents.schedule import Schedule
from allometry.agents.scripted import POLICIES, Scripted
from allometry.agents.snapshots import Snapshots
from allometry.agents.training import Member
from allometry.agents.vmpo import VMPO
from allometry.environments.environment import TimeStep
from allometry.environments.recall import Recall
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

SMALL = {"width": 4, "depth": 0, "minibatches": 2, "learning_rate": 0.02}
AGENTS = {
    "ppo": PPO(**SMALL),
    "ppo with gru": PPO(**SMALL, memory="gru", memory_length=4),
    "vmpo": VMPO(**SMALL, target_period=3.0),
}
EVERY_AGENT = pytest.mark.parametrize("name", AGENTS)
COPIES, STEPS = 4, 9
SCHEDULE = Schedule(COPIES, STEPS)
SNAPSHOTS = Snapshots(size=3, every=2, share=0.7)
KEY = jax.random.key(0)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Matching:
    """A player earns 1 where the next one does the same; an episode takes 3 steps.

    Players see noise.
    """

    players: int = 2
    episodic: bool = True
    continuous: bool = False

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(
            ArraySpec((2,)),
            ArraySpec((), "float32", -1.0, 1.0) if self.continuous else discrete(3),
            players=self.players,
            reward_range=(0.0, 1.0),
            episodic=self.episodic,
        )

    def sample_task(self, key: jax.Array) -> jax.Array:
        return jnp.int32(0)

    def reset(self, key: jax.Array, task: jax.Array) -> tuple[Any, TimeStep]:
        none = jnp.zeros(self.players, self.spec.action.dtype)
        return self._show(key, task, none, first=True)

    def step(self, key: jax.Array, state: Any, action: jax.Array) -> Any:
        return self._show(key, state + 1, action, first=False)

    def _show(self, key: Any, state: Any, action: jax.Array, first: bool) -> Any:
        never = jnp.array(False)
        over = (state >= 3) & self.episodic
        same = (action == jnp.roll(action, -1)) & (not first)
        return state, TimeStep(
            observation=jax.random.normal(key, (self.players, 2)),
            reward=same.astype(jnp.float32),
            first=jnp.array(first),
            trial_end=over,
            terminated=over,
            truncated=never,
            player_mask=jnp.ones(self.players, bool),
            extras={"previous_action": action},
        )


def always(choice: int) -> Any:
    """Give the script that does one thing only."""

    @functools.wraps(always)
    def script(environment: Any, state: Any, timestep: TimeStep, key: Any) -> Any:
        return jnp.full(timestep.reward.shape, choice, environment.spec.action.dtype)

    return script


TWO = always(2)


#: What runs once takes longer to compile well than to run.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0}
)


@functools.partial(compiled, static_argnums=(0, 1))
def begin(agent: Agent, coplayers: CoPlayers | None, key: jax.Array) -> Member:
    parts = (agent, Matching(), Uniform(), SCHEDULE)
    return training.begin(*parts, key, coplayers)


@functools.partial(compiled, static_argnums=(0, 1))
def advance(
    agent: Agent, coplayers: CoPlayers | None, member: Member, first: int, count: int
) -> tuple[Member, dict]:
    parts = (agent, Matching(), Uniform(), SCHEDULE)
    return training.advance(*parts, member, first, count, coplayers)


@functools.cache
def played(
    agent: Agent, coplayers: CoPlayers, environment: Matching = Matching()
) -> tuple[Any, Opponents, Batch]:
    """Roll out twice, so that the second window begins amid an episode."""

    @compiled
    def play(key: jax.Array) -> tuple[Any, Opponents, Batch]:
        learner = agent.init(environment.spec, key)
        parts = (agent, environment, Uniform(), learner)
        loop = loops.start(*parts, key, 16, coplayers)

        def collect(loop: Loop, key: jax.Array) -> tuple[Loop, Batch]:
            return rollout(*parts, loop, key, 10, coplayers)

        loop, batches = jax.lax.scan(collect, loop, jax.random.split(key))
        return learner, loop.opponents, jax.tree.map(lambda x: x[1], batches)

    return play(KEY)


def assert_equal(one: object, other: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def equal(one: object, other: object) -> bool:
    same = jax.tree.map(lambda p, q: bool((p == q).all()), one, other)
    return all(jax.tree.leaves(same))


def assert_close(one: object, other: object) -> None:
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-7), one, other
    )


# Slots


@pytest.mark.parametrize(("share", "players"), [(0.25, 2), (0.6, 3), (1.0, 2)])
def test_a_share_of_episodes_has_one_slot_of_the_learner(
    share: float, players: int
) -> None:
    count = 4000
    draw = jax.vmap(company.assigned, (None, None, 0))
    mine = np.asarray(draw(share, players, jax.random.split(KEY, count)))
    assert set(mine.sum(1)) <= {1, players}
    alone = mine.sum(1) == 1
    # Four standard deviations of a share of so many draws.
    assert abs(alone.mean() - share) <= 4 * np.sqrt(share * (1 - share) / count)
    each = mine[alone].mean(0)
    np.testing.assert_allclose(each, 1 / players, atol=4 * 0.5 / np.sqrt(alone.sum()))


@pytest.mark.parametrize("episodic", [True, False])
def test_who_plays_is_drawn_where_an_episode_begins_and_then_stays(
    episodic: bool,
) -> None:
    coplayers = Scripted(TWO, share=0.7)
    _, opponents, batch = played(AGENTS["ppo"], coplayers, Matching(episodic=episodic))
    mine, first = np.asarray(batch.mine), np.asarray(batch.timestep.first)
    assert set(mine.sum(2).ravel()) == {1, 2}
    changed = (mine[1:] != mine[:-1]).any(2)
    assert changed.any() == episodic
    assert not (changed & ~first[1:]).any()
    # The end of an episode is still of those who played it.
    np.testing.assert_array_equal(opponents.slots.mine, mine[-1])


def test_what_coplayers_do_is_done_in_their_slots_and_only_there() -> None:
    _, _, batch = played(AGENTS["ppo"], Scripted(TWO, share=0.7))
    mine = np.asarray(batch.mine)
    np.testing.assert_array_equal(batch.action, np.where(mine, batch.chosen, 2))
    assert set(np.unique(np.asarray(batch.chosen)[~mine])) == {0, 1, 2}
    # The environment took it: rewards tell who did the same as whom.
    same = np.asarray(batch.action == batch.action[..., ::-1])
    taken = np.asarray(batch.taken)[..., None]
    np.testing.assert_array_equal(batch.reward, same & taken)
    before = batch.timestep.extras["previous_action"]
    going_on = ~np.asarray(batch.timestep.first)[1:]
    np.testing.assert_array_equal(before[1:][going_on], batch.action[:-1][going_on])


def test_scripts_know_the_state_and_are_told_each_step() -> None:
    def clock(environment: Any, state: Any, timestep: TimeStep, key: Any) -> Any:
        return jnp.full(environment.spec.players, state % 3, jnp.int32)

    _, _, batch = played(AGENTS["ppo"], Scripted(clock, share=1.0))
    first = np.asarray(batch.timestep.first)[:, 0].tolist().index(True)
    theirs = np.where(batch.mine, 0, batch.action)[first : first + 4, 0].sum(1)
    assert theirs.tolist() == [0, 1, 2, 0]


def test_random_and_still_players_are_what_they_say() -> None:
    environment = Matching(players=50)
    state, timestep = environment.reset(KEY, jnp.int32(0))
    _, timestep = environment.step(KEY, state, jnp.full(50, 2))
    given = (environment, state, timestep, KEY)
    assert not POLICIES["still"](*given).any()
    drawn = np.asarray(POLICIES["random"](*given))
    assert set(drawn) == {0, 1, 2}
    for script in POLICIES.values():
        assert script(*given).dtype == timestep.extras["previous_action"].dtype


# Learning


@EVERY_AGENT
def test_rows_of_coplayers_do_not_count(name: str) -> None:
    agent = AGENTS[name]
    learner, _, batch = played(agent, SNAPSHOTS)
    counts = np.asarray(batch.mine & batch.taken[..., None])
    assert 0.2 < counts.mean() < 0.8
    np.testing.assert_array_equal(weights(batch), counts)
    endless = weights(batch._replace(taken=None))
    np.testing.assert_array_equal(endless, batch.mine)

    learn = compiled(agent.learn)

    def changed(where: jax.Array) -> Batch:
        def other(x: jax.Array) -> jax.Array:
            return jnp.where(where.reshape(*where.shape, *[1] * (x.ndim - 3)), x + 3, x)

        return batch._replace(
            action=jnp.where(where, (batch.action + 1) % 3, batch.action),
            chosen=jnp.where(where, (batch.chosen + 1) % 3, batch.chosen),
            reward=other(batch.reward),
            extras=jax.tree.map(other, batch.extras),
        )

    learnt = learn(learner, batch, KEY)
    assert_close(learnt, learn(learner, changed(~batch.mine), KEY))
    assert not equal(learnt, learn(learner, changed(batch.mine), KEY))


def test_the_strangest_deeds_of_coplayers_leave_learning_finite() -> None:
    """A deed a thousand deviations away would overflow a ratio, times 0 or not."""
    agent = PPO(**SMALL, proximal="behaviour")
    environment = Matching(continuous=True)
    learner, _, batch = played(agent, Scripted(always(10**30), 0.7), environment)
    assert float(batch.action.max()) == pytest.approx(1e30)
    learner, metrics = compiled(agent.learn)(learner, batch, KEY)
    for leaf in jax.tree.leaves((learner, metrics)):
        assert np.isfinite(leaf).all()


def test_the_reward_is_that_of_the_learners_own_slots() -> None:
    agent = AGENTS["ppo"]
    member = begin(agent, SNAPSHOTS, KEY)

    @compiled
    def collect(member: Member) -> Batch:
        key = jax.random.fold_in(jax.random.wrap_key_data(member.key), 0)
        parts = (agent, Matching(), Uniform(), member.learner, member.loop)
        return rollout(*parts, jax.random.split(key, 3)[0], STEPS, SNAPSHOTS)[1]

    batch = collect(member)
    own = np.asarray(batch.mine & batch.taken[..., None])
    _, metrics = advance(agent, SNAPSHOTS, member, 0, 1)
    expected = np.asarray(batch.reward)[own].mean()
    assert float(metrics["reward"]) == pytest.approx(expected)
    assert expected != pytest.approx(np.asarray(batch.reward)[batch.taken].mean())


@pytest.mark.parametrize(
    ("name", "coplayers"),
    [("ppo", Scripted(TWO, share=1.0)), ("vmpo", Scripted(always(1), share=0.5))],
)
def test_learns_to_do_as_its_coplayers_do(name: str, coplayers: Scripted) -> None:
    """Any action is as good as another in self-play; a co-player makes it the one."""
    agent = AGENTS[name]
    member, _ = advance(agent, coplayers, begin(agent, coplayers, KEY), 0, 80)
    wanted = {"ppo": 2, "vmpo": 1}[name]
    seen = jax.random.normal(KEY, (64, 2))
    likely = jax.vmap(functools.partial(agent.probabilities, member.learner))
    assert float(likely(seen)[:, wanted].mean()) > 0.9
    _, metrics = advance(agent, coplayers, member, 80, 5)
    assert float(metrics["reward"]) > 0.9


# Snapshots


def one_of(pool: Any, place: int) -> Actor:
    return jax.tree.map(lambda x: x[place], pool.actors)


@EVERY_AGENT
def test_an_actor_does_what_its_agent_does(name: str) -> None:
    agent = AGENTS[name]
    # After 4 gradient steps V-MPO's target is not what learns: its period is 3.
    member, _ = advance(agent, SNAPSHOTS, begin(agent, SNAPSHOTS, KEY), 0, 2)
    learner = member.learner
    timestep = jax.tree.map(lambda x: x[0], member.loop.timestep)
    memory = jax.tree.map(lambda x: x[0], member.loop.memory)
    actor = agent.actor(learner)
    assert_equal(actor.initial(), agent.initial_memory(learner)[0])
    act, play = compiled(agent.act), compiled(Actor.act)
    for number in range(5):
        key = jax.random.key(number)
        action, after, _ = act(learner, timestep, memory, key)
        done, remembered = play(actor, timestep, memory[0], key)
        np.testing.assert_array_equal(done, action)
        assert_close(remembered, after[0])
        memory = after


@pytest.mark.parametrize("name", ["ppo with gru", "vmpo"])
def test_a_snapshot_takes_the_place_of_the_oldest_every_so_often(name: str) -> None:
    agent = AGENTS[name]
    member = begin(agent, SNAPSHOTS, KEY)
    first = agent.actor(member.learner)
    pool = member.loop.opponents.pool
    assert int(pool.entered) == 1
    for place in range(SNAPSHOTS.size):
        assert_equal(one_of(pool, place), first)

    expected = [first] * SNAPSHOTS.size
    for iteration in range(1, 11):
        member, _ = advance(agent, SNAPSHOTS, member, iteration - 1, 1)
        entered, due = divmod(iteration, SNAPSHOTS.every)
        if not due:
            expected[entered % SNAPSHOTS.size] = agent.actor(member.learner)
        pool = member.loop.opponents.pool
        assert int(pool.entered) == 1 + entered
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *expected)
        assert_equal(pool.actors, stacked)
    assert not equal(expected[0], expected[1])


def test_one_that_diverged_is_no_snapshot() -> None:
    agent = AGENTS["ppo"]
    member = begin(agent, SNAPSHOTS, KEY)
    lost = jax.tree.map(lambda x: x * jnp.nan, member.learner.networks)
    learner = member.learner._replace(networks=lost)
    update = compiled(functools.partial(SNAPSHOTS.update, agent, member.loop.opponents))
    assert_equal(update(learner, jnp.int32(1)), member.loop.opponents)
    assert int(update(member.learner, jnp.int32(1)).pool.entered) == 2
    assert int(update(member.learner, jnp.int32(0)).pool.entered) == 1


@pytest.mark.parametrize("entered", [1, 2, 3, 8])
def test_all_that_entered_the_pool_are_drawn_alike_and_nothing_else(
    entered: int,
) -> None:
    pool = begin(AGENTS["ppo"], SNAPSHOTS, KEY).loop.opponents.pool
    pool = pool._replace(entered=jnp.int32(entered))
    draw = jax.vmap(functools.partial(SNAPSHOTS.cast, Matching().spec), (None, 0))
    keys = jax.random.split(KEY, 3000)
    place = np.asarray(compiled(draw)(pool, keys).place)
    filled = min(entered, SNAPSHOTS.size)
    found = np.bincount(place, minlength=filled) / len(place)
    np.testing.assert_allclose(found, np.full(filled, 1 / filled), atol=0.04)


def cast_with(name: str) -> tuple[Any, Slots, TimeStep]:
    """Give a pool of three that differ, and a copy that plays with the last."""
    agent = AGENTS[name]
    member, _ = advance(agent, SNAPSHOTS, begin(agent, SNAPSHOTS, KEY), 0, 5)
    opponents = member.loop.opponents
    slots = jax.tree.map(lambda x: x[0], opponents.slots)
    memory = jax.tree.map(jnp.ones_like, slots.cast.memory)
    cast = slots.cast._replace(place=jnp.int32(2), memory=memory)
    timestep = jax.tree.map(lambda x: x[0], member.loop.timestep)
    slots = Slots(jnp.array([False, True]), cast)
    return opponents.pool, slots, timestep


def test_a_coplayer_remembers_within_an_episode_and_no_longer() -> None:
    pool, slots, timestep = cast_with("ppo with gru")
    step = compiled(functools.partial(company.step, SNAPSHOTS, Matching(), pool))
    own = jnp.zeros(2, jnp.int32)
    actor = one_of(pool, 2)

    within = timestep._replace(first=jnp.array(False))
    _, after = step(slots, jnp.int32(0), within, own, KEY)
    assert_equal((after.mine, after.cast.place), (slots.mine, slots.cast.place))
    assert_close(after.cast.memory, actor.act(within, slots.cast.memory, KEY)[1])

    begins = timestep._replace(first=jnp.array(True))
    _, after = step(slots, jnp.int32(0), begins, own, KEY)
    drawn = one_of(pool, after.cast.place)
    empty = jax.tree.map(jnp.zeros_like, slots.cast.memory)
    assert_close(after.cast.memory, drawn.act(within, empty, KEY)[1])
    assert not equal(actor.act(within, slots.cast.memory, KEY)[1], after.cast.memory)


def test_the_one_that_was_cast_plays() -> None:
    """By itself, and by the same draws, each of the pool does as in a rollout."""
    pool, slots, timestep = cast_with("ppo with gru")
    # Heads are made large, so that the three of the pool differ in what they do.
    heads = jax.tree.map(lambda x: 100 * x, pool.actors.policy.head)
    policy = dataclasses.replace(pool.actors.policy, head=heads)
    pool = pool._replace(actors=pool.actors._replace(policy=policy))
    done, act = set(), compiled(SNAPSHOTS.act)
    for place in range(3):
        cast = slots.cast._replace(place=jnp.int32(place))
        given = (Matching(), pool, cast, jnp.int32(0), timestep, KEY)
        action, after = act(*given)
        actor = one_of(pool, place)
        expected, memory = actor.act(timestep, cast.memory, KEY)
        np.testing.assert_array_equal(action, expected)
        assert_close(after.memory, memory)
        done.add(np.asarray(jax.tree.leaves(memory)[0]).tobytes())
    assert len(done) == 3


def test_who_plays_with_one_that_is_displaced_has_no_memory_of_it() -> None:
    agent = AGENTS["ppo with gru"]
    member = begin(agent, SNAPSHOTS, KEY)
    pool, slots = member.loop.opponents
    place = jnp.array([0, 1, 2, 1])
    memory = jax.tree.map(jnp.ones_like, slots.cast.memory)
    cast = slots.cast._replace(place=place, memory=memory)
    before = Opponents(pool._replace(entered=jnp.int32(4)), slots._replace(cast=cast))
    update = compiled(functools.partial(SNAPSHOTS.update, agent, before))
    after = update(member.learner, jnp.int32(3))
    for leaf in jax.tree.leaves(after.slots.cast.memory):
        kept = np.asarray(leaf).reshape(COPIES, -1)
        assert (kept == np.array([1, 0, 1, 0])[:, None]).all()
    assert_equal(after.slots.cast.place, place)
    assert_equal(update(member.learner, jnp.int32(2)), before)


# Training


@EVERY_AGENT
def test_chunks_make_no_difference(name: str) -> None:
    # Episodes of 4 rows, iterations of 9: who plays goes from one chunk to the next.
    agent = AGENTS[name]
    member = begin(agent, SNAPSHOTS, KEY)
    whole, _ = advance(agent, SNAPSHOTS, member, 0, 7)
    parts = member
    for first, iterations in ((0, 1), (1, 2), (3, 4)):
        parts, _ = advance(agent, SNAPSHOTS, parts, first, iterations)
    assert_equal(parts, whole)
    before, after = member.loop.opponents, whole.loop.opponents
    assert not equal(before.pool.actors, after.pool.actors)
    assert not equal(before.slots, after.slots)


@EVERY_AGENT
def test_all_of_a_loop_can_be_stored_as_numbers(name: str) -> None:
    for leaf in jax.tree.leaves(begin(AGENTS[name], SNAPSHOTS, KEY).loop.opponents):
        assert isinstance(leaf, jax.Array)
        assert leaf.dtype in (jnp.float32, jnp.int32, jnp.uint32, jnp.bool_)


def test_without_coplayers_there_is_nothing_of_them() -> None:
    agent = AGENTS["ppo"]
    member = begin(agent, None, KEY)
    assert member.loop.opponents == ()
    parts = (agent, Matching(), Uniform(), member.learner, member.loop)
    loop, batch = jax.eval_shape(lambda: rollout(*parts, KEY, STEPS))
    assert loop.opponents == ()
    assert batch.mine is None
    assert batch.chosen is None


def test_members_of_a_population_have_their_own_past() -> None:
    peers_of = Population(AGENTS["ppo"], size=2, ready=2, fraction=0.5)
    parts = (peers_of, Matching(), Uniform(), SCHEDULE)

    @compiled
    def train(peers: Any, first: int, iterations: int) -> Any:
        return population.advance(*parts, peers, first, iterations, SNAPSHOTS)[0]

    @compiled
    def start(key: jax.Array) -> Any:
        return population.begin(*parts, key, 6, coplayers=SNAPSHOTS)

    peers = start(KEY)
    whole = train(peers, 0, 6)
    half = train(train(peers, 0, 3), 3, 3)
    assert_equal(half, whole)
    pool = whole.members.loop.opponents.pool
    assert pool.entered.tolist() == [4, 4]
    assert not equal(*(one_of(pool, member) for member in range(2)))


def test_where_there_is_one_player_coplayers_are_refused() -> None:
    parts = (AGENTS["ppo"], Recall(2, 1), Uniform(), SCHEDULE, KEY)
    for coplayers in (SNAPSHOTS, Scripted(TWO)):
        with pytest.raises(Refusal, match=r"one player.*at least 2"):
            training.begin(*parts, coplayers)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_that_cannot_be_is_refused(share: float) -> None:
    for make in (functools.partial(Scripted, TWO), Snapshots):
        with pytest.raises(Refusal, match=r"share = .* above 0 and at most 1"):
            make(share=share)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"every": 0}])
def test_a_pool_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(Refusal, match=f"{next(iter(wrong))} = 0 .* from 1 on"):
        Snapshots(**wrong)


def test_every_snapshot_of_the_pool_costs_an_act() -> None:
    spec = Matching().spec
    act = AGENTS["ppo"].flops(spec, SCHEDULE).act
    assert Snapshots(size=5).flops(AGENTS["ppo"], spec) == pytest.approx(5 * act)
    assert Scripted(TWO).flops(AGENTS["ppo"], spec) == 0
    # One that remembers acts by its policy's network alone, and values by another.
    agent = AGENTS["ppo with gru"]
    one = Snapshots(size=1).flops(agent, spec)
    assert 0.4 < one / agent.flops(spec, SCHEDULE).act < 0.6
