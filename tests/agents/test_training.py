"""Training: chunks make no difference, members do not touch, and digits are learnt."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import training
from allometry.agents.ppo import PPO
from allometry.agents.registry import AGENTS
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.digits import Digits, load
from allometry.environments.probes import PROBES
from allometry.environments.recall import Recall
from tests.agents import small
from tests.agents.small import SMALL

SCHEDULE = Schedule(copies=4, length=8)
REMEMBERING = {
    f"ppo with {kind}": PPO(
        width=4, depth=0, minibatches=2, memory=kind, memory_length=5, shared=True
    )
    for kind in ("lstm", "transformer-xl")
}
KEYS = [jax.random.key(seed) for seed in range(3)]

EVERY_AGENT = pytest.mark.parametrize("name", AGENTS)


begin = functools.partial(small.begin, SCHEDULE)
advance = functools.partial(small.advance, SCHEDULE)


def assert_equal(one: object, other: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def equal(one: object, other: object) -> bool:
    same = jax.tree.map(lambda p, q: bool((p == q).all()), one, other)
    return all(jax.tree.leaves(same))


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load()


@EVERY_AGENT
@pytest.mark.parametrize("where", ["digits", "delayed_reward"])
def test_chunks_make_no_difference(name: str, where: str, digits: Digits) -> None:
    environment = PROBES.get(where, digits)
    member = begin(SMALL[name], environment, KEYS[0])
    whole, metrics = advance(SMALL[name], environment, member, 0, 6)
    parts, losses = member, []
    for first, iterations in ((0, 1), (1, 3), (4, 2)):
        parts, found = advance(SMALL[name], environment, parts, first, iterations)
        losses.append(iterations * found["value_loss"])
    assert_equal(parts, whole)
    assert float(metrics["value_loss"]) == pytest.approx(float(sum(losses)) / 6)
    half, _ = advance(SMALL[name], environment, member, 0, 3)
    assert_equal(advance(SMALL[name], environment, half, 3, 3)[0], whole)
    assert not equal(half.learner, whole.learner)


@pytest.mark.parametrize("name", REMEMBERING)
def test_chunks_make_no_difference_to_what_is_remembered(name: str) -> None:
    # Episodes of 5 rows, iterations of 8: memories go from one chunk to the next.
    environment = Recall(cues=2, delay=2)
    member = begin(REMEMBERING[name], environment, KEYS[0])
    whole, _ = advance(REMEMBERING[name], environment, member, 0, 5)
    parts = member
    for first, iterations in ((0, 1), (1, 1), (2, 3)):
        parts, _ = advance(REMEMBERING[name], environment, parts, first, iterations)
    assert_equal(parts, whole)
    assert not equal(whole.loop.memory, member.loop.memory)
    assert not equal(whole.learner.networks, member.learner.networks)


@EVERY_AGENT
def test_an_iteration_depends_on_its_number(name: str, digits: Digits) -> None:
    member = begin(SMALL[name], digits, KEYS[0])
    shown = [
        advance(SMALL[name], digits, member, first, 1)[0].loop.environment.digit
        for first in (0, 1)
    ]
    assert not equal(*shown)


@EVERY_AGENT
def test_a_key_decides_a_member(name: str, digits: Digits) -> None:
    first, again, other = (
        begin(SMALL[name], digits, key) for key in (KEYS[0], KEYS[0], KEYS[1])
    )
    assert_equal(first, again)
    assert not equal(first.learner.networks, other.learner.networks)
    # Two members that begin as one but for their keys go their own ways.
    twin = first._replace(key=other.key)
    one, two = (advance(SMALL[name], digits, m, 0, 2)[0] for m in (first, twin))
    assert not equal(one.loop.environment.digit, two.loop.environment.digit)
    assert not equal(one.learner.networks, two.learner.networks)


@EVERY_AGENT
def test_all_of_a_member_can_be_stored_as_numbers(name: str, digits: Digits) -> None:
    member = begin(SMALL[name], digits, KEYS[0])
    for leaf in jax.tree.leaves(member):
        assert isinstance(leaf, jax.Array)
        assert leaf.dtype in (jnp.float32, jnp.int32, jnp.uint32, jnp.bool_)


@jax.jit
def advance_bundle(digits: Digits, members: Member) -> Member:
    def one(digits: Digits, member: Member) -> Member:
        parts = (SMALL["ppo"], digits, Uniform(), SCHEDULE)
        return training.advance(*parts, member, jnp.int32(0), jnp.int32(4))[0]

    return jax.vmap(one, (None, 0))(digits, members)


def test_a_member_that_diverges_touches_no_other(digits: Digits) -> None:
    alone = [begin(SMALL["ppo"], digits, key) for key in KEYS]
    members = jax.tree.map(lambda *leaves: np.stack(leaves), *alone)
    rates = members.learner.settings["learning_rate"] * [1, np.nan, 1]
    settings = members.learner.settings | {"learning_rate": np.float32(rates)}
    poisoned = members._replace(learner=members.learner._replace(settings=settings))

    sound = jax.tree.map(np.asarray, advance_bundle(digits, members))
    found = jax.tree.map(np.asarray, advance_bundle(digits, poisoned))
    others = np.array([0, 2])
    assert_equal(*(jax.tree.map(lambda x: x[others], m) for m in (sound, found)))
    for leaf in jax.tree.leaves(found.learner.networks.policy):
        assert np.isnan(leaf[1]).all()


def test_a_metric_that_was_once_not_finite_stays_so(digits: Digits) -> None:
    member = begin(SMALL["ppo"], digits, KEYS[0])
    # A coefficient that is no number spoils the value network in its first step.
    settings = member.learner.settings | {"value_coefficient": jnp.float32("nan")}
    spoilt = member._replace(learner=member.learner._replace(settings=settings))
    assert np.isfinite(advance(SMALL["ppo"], digits, member, 0, 3)[1]["value_loss"])
    assert not np.isfinite(advance(SMALL["ppo"], digits, spoilt, 0, 3)[1]["value_loss"])


def test_an_iteration_counts_every_player_of_every_copy(digits: Digits) -> None:
    assert SCHEDULE.interactions(digits) == 4 * 8


def test_learns_digits(digits: Digits) -> None:
    agent, schedule = PPO(width=64, discount=0.6), Schedule(copies=16, length=128)

    @jax.jit
    def train(digits: Digits, key: jax.Array) -> dict[str, jax.Array]:
        parts = (agent, digits, Uniform(), schedule)
        member = training.begin(*parts, key)
        member, _ = training.advance(*parts, member, jnp.int32(0), jnp.int32(30))
        policy = functools.partial(agent.probabilities, member.learner)
        return digits.performance(jax.vmap(policy))

    reached = train(digits, jax.random.key(0))
    # 30 × 2,048 = 61,440 interactions; chance is .1.
    assert float(reached["train"]) > 0.6
    assert float(reached["held_out"]) > 0.6
