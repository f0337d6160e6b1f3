"""V-MPO: what it learns, when its target moves, how its multipliers move, its cost."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import loop as loops
from allometry.agents import training
from allometry.agents.agent import traced_names
from allometry.agents.on_policy import OnPolicy
from allometry.agents.rollout import Batch, rollout
from allometry.agents.samplers import Uniform
from allometry.agents.samples import Samples
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.agents.vmpo import VMPO, Learner, bounds_of
from allometry.environments.environment import TimeStep
from allometry.networks import scale
from allometry.networks.layers import Dense, dense
from allometry.networks.scale import Family
from allometry.networks.torsos import Torso
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

KEY = jax.random.key(0)
SPEC = EnvironmentSpec(ArraySpec((3,)), discrete(4), episodic=False)
IMAGES = EnvironmentSpec(ArraySpec((8, 8, 1)), discrete(10), episodic=False)
LARGE = Schedule(copies=64, length=64)

CONTINUOUS = ArraySpec((2,), minimum=-1.0, maximum=1.0)
FACTORED = ArraySpec((2,), "int32", num_values=3)
WANTED = {CONTINUOUS: ((-0.5, 0.5), (0.5, -0.25)), FACTORED: ((0, 2), (1, 0))}
SHOWN = jnp.eye(2)

AGENT = VMPO(
    width=8,
    depth=0,
    discount=0.3,
    learning_rate=0.01,
    divergence_bound_scale=5.0,
    deviation_bound_scale=10.0,
    target_period=3.0,
)
SCHEDULE = Schedule(copies=32, length=8)

update = jax.jit(AGENT.update)
traces: list[ArraySpec] = []


@dataclasses.dataclass(frozen=True)
class Matching:
    """Shows one of two things; the reward is how near the action is to what it wants.

    Numbers are clipped to their bounds and cost their squared distance; of groups
    each that matches is worth 1.
    """

    action: ArraySpec

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(ArraySpec((2,)), self.action, episodic=False)

    def sample_task(self, key: jax.Array) -> jax.Array:
        return jnp.int32(0)

    def reset(self, key: jax.Array, task: jax.Array) -> tuple[jax.Array, TimeStep]:
        first = jnp.zeros((1, *self.action.shape), self.action.dtype)
        return self._show(key, jnp.zeros(1), first, first=True)

    def step(
        self, key: jax.Array, state: jax.Array, action: jax.Array
    ) -> tuple[jax.Array, TimeStep]:
        wanted = jnp.asarray(WANTED[self.action])[state]
        if self.action.num_values is not None:
            reward = (action == wanted).sum(-1).astype(jnp.float32)
        else:
            reward = -jnp.square(jnp.clip(action, -1, 1) - wanted).sum(-1)
        return self._show(key, reward, action, first=False)

    def _show(
        self, key: jax.Array, reward: jax.Array, action: jax.Array, first: bool
    ) -> tuple[jax.Array, TimeStep]:
        state, false = jax.random.randint(key, (), 0, 2), jnp.array(False)
        return state, TimeStep(
            observation=SHOWN[state][None],
            reward=reward,
            first=jnp.array(first),
            trial_end=false,
            terminated=false,
            truncated=false,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )


@functools.cache
def pair(action: ArraySpec) -> Member:
    """Begin two members of one program."""
    parts = (AGENT, Matching(action), Uniform(), SCHEDULE)
    begin = jax.jit(jax.vmap(lambda key: training.begin(*parts, key)))
    return begin(jax.random.split(KEY))


@functools.partial(jax.jit, static_argnums=0)
def advance(
    action: ArraySpec, members: Member, first: int, iterations: int
) -> tuple[Member, dict[str, jax.Array]]:
    traces.append(action)
    parts = (AGENT, Matching(action), Uniform(), SCHEDULE)
    return jax.vmap(lambda m: training.advance(*parts, m, first, iterations))(members)


def equal(one: object, other: object) -> bool:
    same = jax.tree.map(lambda p, q: bool((p == q).all()), one, other)
    return all(jax.tree.leaves(same))


@functools.cache
def learner_of(agent: VMPO = AGENT) -> Learner:
    return agent.init(SPEC, KEY)


def samples(acted: float = 0.0, weight: jax.Array | None = None) -> Samples:
    """Give rows that a policy drew whose first logit is `acted`, the others 0."""
    generator = np.random.RandomState(0)
    return Samples(
        read=jnp.asarray(generator.normal(size=(16, 3)), jnp.float32),
        first=jnp.zeros(16, bool),
        memory=((), ()),
        action=jnp.asarray(generator.randint(0, 4, 16), jnp.int32),
        log_behaviour=jnp.full(16, -np.log(4.0), jnp.float32),
        outputs=jnp.zeros((16, 4)).at[:, 0].set(acted),
        advantage=jnp.asarray(generator.normal(size=16), jnp.float32),
        value_target=jnp.asarray(generator.normal(size=16), jnp.float32),
        weight=weight,
    )


@pytest.mark.parametrize("action", WANTED, ids=["continuous", "factored"])
def test_learns_the_action_that_is_wanted(action: ArraySpec) -> None:
    members, _ = advance(action, pair(action), 0, 150)
    drawn, wanted = members.learner.networks.distribution, jnp.asarray(WANTED[action])
    outputs = jax.vmap(lambda policy: jax.vmap(policy)(SHOWN))(members.learner.target)
    for of_member in outputs:
        chosen = jax.vmap(drawn.mode)(of_member)
        np.testing.assert_allclose(chosen, wanted, atol=0.1)
        if action.num_values is not None:
            log_pi = jax.vmap(drawn.log_probability)(of_member, wanted)
            assert float(log_pi.min()) > np.log(0.9)


def test_chunks_make_no_difference() -> None:
    begun = pair(CONTINUOUS)
    whole, _ = advance(CONTINUOUS, begun, 0, 6)
    parts = begun
    for first, iterations in ((0, 1), (1, 3), (4, 2)):
        parts, _ = advance(CONTINUOUS, parts, first, iterations)
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    assert not equal(begun.learner.target, whole.learner.target)


OTHER_VALUES = {
    "learning_rate": 0.02,
    "discount": 0.6,
    "trace": 0.5,
    "reward_scale": 2.0,
    "dual_learning_rate": 0.1,
    "temperature_bound_scale": 4.0,
    "divergence_bound_scale": 0.1,
    "deviation_bound_scale": 0.1,
    "value_coefficient": 3.0,
    "target_period": 2.0,
}


def test_members_that_differ_in_traced_settings_share_a_program() -> None:
    assert OTHER_VALUES.keys() == {*traced_names(VMPO)}
    begun = pair(CONTINUOUS)
    plain, _ = advance(CONTINUOUS, begun, 0, 4)
    for name, value in OTHER_VALUES.items():
        settings = begun.learner.settings
        settings = settings | {name: settings[name].at[1].set(value)}
        other = begun._replace(learner=begun.learner._replace(settings=settings))
        varied, _ = advance(CONTINUOUS, other, 0, 4)
        learnt = [(one.learner.networks, one.learner.dual) for one in (plain, varied)]
        first, second = (jax.tree.map(lambda x, m=m: x[m], learnt) for m in range(2))
        assert equal(*first), "a member's settings touch another member"
        assert not equal(*second), f"{name} has no effect"
    assert traces.count(CONTINUOUS) == 1


def test_the_target_moves_when_its_period_is_over() -> None:
    learner = learner_of()
    for step in range(1, 8):
        before = learner.target
        learner, _ = update(learner, samples())
        assert int(learner.age) == step % 3
        moved = learner.networks.policy if step % 3 == 0 else before
        assert equal(learner.target, moved)
        assert equal(AGENT.acting(learner).policy, moved)
        assert equal(AGENT.acting(learner).value, learner.networks.value)
    assert not equal(learner.target, learner.networks.policy)


@pytest.mark.parametrize(("acted", "sign"), [(0.0, -1), (3.0, 1)])
def test_a_divergence_beyond_its_bound_raises_alpha(acted: float, sign: int) -> None:
    learner = learner_of()
    after, metrics = update(learner, samples(acted))
    # At first the policy is near uniform: KL is log-sum-exp − 3·p₀ − log 4 of acted.
    total = np.exp(acted) + 3
    kl = acted * np.exp(acted) / total - np.log(total) + np.log(4)
    assert float(metrics["kl"]) == pytest.approx(kl, abs=0.02)
    # Adam's first step is its rate, whatever the gradient.
    step = after.dual.alpha - learner.dual.alpha
    assert float(step[0]) == pytest.approx(sign * 1e-2, rel=1e-3)
    assert float(metrics["alpha"]) == pytest.approx(5.0)


@pytest.mark.parametrize(("spread", "sign"), [(0.1, -1), (10.0, 1)])
def test_weights_of_too_few_actions_raise_the_temperature(
    spread: float, sign: int
) -> None:
    # dL/dη = ε_η − KL(ψ‖uniform over the kept): with one great advantage out of 8
    # KL is log 8 > .5, with equal ones 0.
    learner, rows = learner_of(), samples()
    advantage = jnp.where(jnp.arange(16) < 8, 0.0, -1.0).at[0].set(spread)
    after, metrics = update(learner, rows._replace(advantage=advantage))
    step = after.dual.temperature - learner.dual.temperature
    assert float(step) == pytest.approx(sign * 1e-2, rel=1e-3)
    assert float(metrics["temperature"]) == pytest.approx(1.0)
    assert float(metrics["kept"]) == 0.5


def test_what_does_not_count_does_not_matter() -> None:
    rows = samples(weight=jnp.ones(16).at[5:].set(0.0))
    spoilt = rows._replace(
        advantage=rows.advantage.at[5:].set(1e3),
        value_target=rows.value_target.at[5:].set(1e3),
        outputs=rows.outputs.at[5:].set(1e3),
    )
    one, other = (jax.jit(AGENT.update)(learner_of(), x) for x in (rows, spoilt))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert float(one[1]["kept"]) == pytest.approx(2 / 5)


def test_the_value_loss_is_half_the_mean_square() -> None:
    learner, rows = learner_of(), samples()
    value = jax.vmap(learner.networks.value)(rows.read)[:, 0]
    expected = float(jnp.square(value - rows.value_target).mean()) / 2
    assert float(update(learner, rows)[1]["value_loss"]) == pytest.approx(expected)


def test_bounds_are_the_published_ones_by_default() -> None:
    for action, temperature, alpha in (
        (discrete(4), 0.5, [0.001]),
        (FACTORED, 0.5, [0.001]),
        (CONTINUOUS, 0.05, [0.05, 5e-4]),
    ):
        spec = EnvironmentSpec(ArraySpec((3,)), action)
        learner = jax.eval_shape(lambda key, s=spec: VMPO().init(s, key), KEY)
        found = bounds_of(VMPO().settings(), learner.networks.distribution)
        np.testing.assert_allclose(found.temperature, temperature, rtol=1e-6)
        np.testing.assert_allclose(found.alpha, alpha, rtol=1e-6)


class Reader(Torso):
    """Reads a tree of plain arrays, laid end to end."""

    embedding: Dense

    def __call__(self, observation: Any) -> jax.Array:
        arrays = [x.ravel().astype(jnp.float32) for x in jax.tree.leaves(observation)]
        return jnp.tanh(self.embedding(jnp.concatenate(arrays)))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(key: jax.Array, observation: Any, width: int, depth: int) -> Reader:
        inputs = sum(array.size for array in jax.tree.leaves(observation))
        return Reader(dense(key, inputs, width))

    monkeypatch.setitem(scale.FAMILIES, "reader", Family(build, 8, 0))


class Kept(NamedTuple):
    """A batch and what valued it."""

    batch: Batch
    values: tuple[jax.Array, jax.Array]
    metrics: dict[str, jax.Array]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("shared", [True, False])
def test_one_that_remembers_values_by_the_network_that_learns(shared: bool) -> None:
    agent = VMPO(torso="reader", width=5, memory="gru", shared=shared)
    environment = Matching(FACTORED)

    @jax.jit
    def collect(key: jax.Array, noise: jax.Array) -> Kept:
        learner = agent.init(environment.spec, key)
        # The network that learns has moved on from the one that acts.
        networks = jax.tree.map(lambda p: p * noise, learner.networks)
        learner = learner._replace(networks=networks)
        start = loops.start(agent, environment, Uniform(), learner, key, 2)
        parts = (agent, environment, Uniform(), learner)
        loop, _ = rollout(*parts, start, key, 3)
        _, batch = rollout(*parts, loop, key, 4)
        values = agent.values(learner, batch)
        return Kept(batch, values, agent.learn(learner, batch, key)[1])

    batch, (v_tm1, v_t), metrics = collect(KEY, jnp.float32(1))
    np.testing.assert_allclose(v_tm1, batch.extras["value"], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(v_tm1[1:], v_t[:-1])
    # Nothing has moved: the policy that learns is the one that acted.
    assert float(metrics["kl"]) == pytest.approx(0.0, abs=1e-6)
    batch, (moved, _), metrics = collect(KEY, jnp.float32(1.5))
    assert float(metrics["kl"]) > 1e-6
    same = np.allclose(moved, batch.extras["value"], rtol=1e-3)
    assert same is not shared  # two networks: the value that learns has acted


def matrices(width: int, outputs: int) -> int:
    """Count the FLOPs of one MLP's matrix products, one block, on 64 pixels."""
    return 2 * (64 * width + width * width + width * outputs)


def test_learning_takes_passes_of_policy_and_value() -> None:
    # As PPO's, whose test explains the terms, without a proximal policy.
    policy, value, pixels = matrices(512, 10), matrices(512, 1), 2 * 64 * 512
    expected = value + (3 * policy - pixels) + (3 * value - pixels)
    counted = VMPO(width=512).flops(IMAGES, LARGE)
    assert counted.learn == pytest.approx(expected, rel=0.02)
    assert counted.learn > expected
    assert counted.act == pytest.approx(matrices(512, 10), rel=0.02)


@pytest.mark.usefixtures("reader")
def test_windows_that_are_read_again_are_counted() -> None:
    agent = VMPO(torso="reader", width=64, memory="gru", shared=True)
    spec, schedule = Matching(FACTORED).spec, Schedule(copies=16, length=4)
    again = agent.flops(spec, schedule).learn - OnPolicy.flops(agent, spec, schedule)[1]
    # Five steps for four: what is seen (2 + 2 + 1), six matrices of the GRU, heads.
    products = 2 * (5 * 64 + 6 * 64 * 64 + 64 * (6 + 1))
    assert again == pytest.approx(products * 5 / 4, rel=0.05)
    assert again > products


def test_parameters_are_counted_once() -> None:
    learner = jax.eval_shape(lambda key: VMPO(width=20, depth=2).init(IMAGES, key), KEY)
    assert VMPO().parameters(learner) == {
        "policy.embedding": 64 * 20 + 20,
        "policy.torso": 2 * (20 * 20 + 20),
        "policy.memory": 0,
        "policy.heads": 20 * 10 + 10,
        "value.embedding": 64 * 20 + 20,
        "value.torso": 2 * (20 * 20 + 20),
        "value.memory": 0,
        "value.heads": 20 + 1,
    }
