"""PPG: when a phase comes, what it goes back to, what it lowers, what it costs."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import average, population, training
from allometry.agents.actor_critic import policy_over
from allometry.agents.agent import Phasic
from allometry.agents.population import Population
from allometry.agents.ppg import PPG, asked, auxiliary_loss
from allometry.agents.ppo import PPO, Learner
from allometry.agents.samplers import Uniform
from allometry.agents.samples import Samples
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec, discrete
from allometry.studies import checkpoint

PERIOD, COPIES, LENGTH = 3, 2, 4
SCHEDULE = Schedule(COPIES, LENGTH)
AGENT = PPG(
    width=4,
    depth=0,
    minibatches=2,
    discount=0.0,
    reward_scale=2.0,
    period=PERIOD,
    auxiliary_epochs=2,
    ewma_centre=3.0,
)
REMEMBERING = dataclasses.replace(AGENT, memory="gru")
SPEC = EnvironmentSpec(ArraySpec((3,)), discrete(4), episodic=False)
IMAGES = EnvironmentSpec(ArraySpec((8, 8, 1)), discrete(10), episodic=False)
LARGE = Schedule(copies=64, length=64)
KEY = jax.random.key(0)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Counting:
    """Player p sees (t, p) at step t, and is given t + p / 2 for whatever it does."""

    players: int = 1

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(
            ArraySpec((2,)), discrete(3), players=self.players, episodic=False
        )

    def sample_task(self, key: jax.Array) -> jax.Array:
        return jnp.int32(0)

    def reset(self, key: jax.Array, task: jax.Array) -> tuple[jax.Array, TimeStep]:
        return self._show(task, jnp.zeros(self.players, jnp.int32), first=True)

    def step(self, key: jax.Array, state: jax.Array, action: jax.Array) -> Any:
        return self._show(state + 1, action, first=False)

    def _show(self, time: jax.Array, action: jax.Array, first: bool) -> Any:
        players = jnp.arange(self.players, dtype=jnp.float32)
        false, now = jnp.array(False), time.astype(jnp.float32)
        return time, TimeStep(
            observation=jnp.stack([jnp.full(self.players, now), players], 1),
            reward=now - 1 + players / 2,
            first=jnp.array(first),
            trial_end=false,
            terminated=false,
            truncated=false,
            player_mask=jnp.ones(self.players, bool),
            extras={"previous_action": action},
        )


#: One player without a memory, two players with one.
PARTS = {
    "none": (AGENT, Counting(1), Uniform(), SCHEDULE),
    "gru": (REMEMBERING, Counting(2), Uniform(), SCHEDULE),
}
KINDS = pytest.mark.parametrize("kind", PARTS)

# What is compared here to the bit need not be quick.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0}
)


@functools.partial(compiled, static_argnums=0)
def begin(kind: str) -> Member:
    return training.begin(*PARTS[kind], KEY)


@functools.partial(compiled, static_argnums=0)
def advance(kind: str, member: Member, first: int, iterations: int) -> Member:
    return training.advance(*PARTS[kind], member, first, iterations)[0]


@functools.cache
def history(kind: str) -> list[Member]:
    """Train for two phases and one iteration more, and keep every state."""
    members = [begin(kind)]
    for number in range(2 * PERIOD + 1):
        members.append(advance(kind, members[-1], number, 1))
    return members


def assert_equal(one: object, other: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def at(tree: Any, place: int) -> Any:
    return jax.tree.map(lambda x: x[place], tree)


def equal(one: object, other: object) -> bool:
    same = jax.tree.map(lambda p, q: bool((p == q).all()), one, other)
    return all(jax.tree.leaves(same))


@KINDS
def test_the_replay_holds_the_last_batches_in_order(kind: str) -> None:
    agent, environment, _, _ = PARTS[kind]
    players = environment.players
    for trained, member in enumerate(history(kind)):
        replay = member.loop.replay
        for place in range(PERIOD):
            # The last of the iterations so far whose batch belongs in this place.
            numbers = [i for i in range(trained) if i % PERIOD == place]
            if not numbers:
                assert not np.asarray(replay.value_target[place]).any()
                continue
            steps = numbers[-1] * LENGTH + np.arange(LENGTH)
            seen = np.zeros((LENGTH, COPIES, players, 2))
            seen[..., 0] = steps[:, None, None]
            seen[..., 1] = np.arange(players)
            # Without a discount what a step is worth is its reward, scaled.
            worth = agent.reward_scale * (seen[..., 0] + seen[..., 1] / 2)
            if kind == "none":
                read, target = replay.read[place], worth.ravel()
                assert replay.memory == ((), ())
            else:
                read = replay.read.observation[place]
                seen, worth = (np.moveaxis(x, 0, 2) for x in (seen, worth))
                target = worth.reshape(-1, LENGTH)
                before = history(kind)[numbers[-1]].loop.memory
                flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), before)
                assert_equal(at(replay.memory, place), flat)
            np.testing.assert_array_equal(read, seen.reshape(read.shape))
            np.testing.assert_allclose(replay.value_target[place], target, rtol=1e-5)
    assert np.asarray(jax.tree.leaves(history("gru")[-1].loop.replay.memory)[0]).any()


@KINDS
def test_a_phase_comes_after_every_period_and_the_proximal_policy_begins_anew(
    kind: str,
) -> None:
    agent = PARTS[kind][0]
    decay = 1 - 1 / (agent.ewma_centre + 1)
    for trained, member in enumerate(history(kind)):
        learner = member.learner
        phases, since = divmod(trained, PERIOD)
        steps = since * agent.minibatches
        weight = sum(decay**k for k in range(steps + 1))
        assert float(learner.proximal.weight) == pytest.approx(weight, rel=1e-5)
        # No step since: the average is the policy that has come out of the phase.
        assert equal(learner.proximal.parameters, learner.networks.policy) == (
            steps == 0
        )
        assert int(learner.optimiser.policy.count) == trained * agent.minibatches
        phase = agent.auxiliary_epochs * PERIOD * agent.minibatches
        assert int(learner.optimiser.auxiliary.count) == phases * phase
    # On average an iteration takes as many steps as it says.
    shared_out = agent.minibatches + phase / PERIOD
    assert agent.updates() == shared_out == 6


@KINDS
def test_only_a_phase_teaches_the_auxiliary_head(kind: str) -> None:
    heads = [member.learner.networks.policy.head.value for member in history(kind)]
    for trained in range(1, len(heads)):
        still = equal(heads[trained], heads[trained - 1])
        assert still == (trained % PERIOD != 0)


@KINDS
def test_chunks_and_checkpoints_amid_a_cycle_make_no_difference(kind: str) -> None:
    whole = history(kind)[-1]
    assert_equal(advance(kind, begin(kind), 0, 2 * PERIOD + 1), whole)
    # Interrupted after 2 of 3 batches, and again after the first of the next three.
    member, begun = begin(kind), 0
    for length in (2, 2, 3):
        member = advance(kind, member, begun, length)
        member = checkpoint.unpack(begin(kind), checkpoint.pack(member), "test")
        begun += length
    assert_equal(member, whole)


@KINDS
def test_a_bundle_computes_a_phase_where_it_is_due_only(kind: str) -> None:
    def program(agent: PPO) -> str:
        _, *parts = PARTS[kind]

        def both(members: Member, first: int) -> Member:
            advance = functools.partial(training.advance, agent, *parts)
            return jax.vmap(lambda m: advance(m, first, jnp.int32(2))[0])(members)

        keys = jax.random.split(KEY)
        members = jax.eval_shape(
            jax.vmap(functools.partial(training.begin, agent, *parts)), keys
        )
        return jax.jit(both).lower(members, jnp.int32(0)).as_text()

    plain = PPO(**{f.name: getattr(AGENT, f.name) for f in dataclasses.fields(PPO)})
    assert isinstance(AGENT, Phasic)
    assert not isinstance(plain, Phasic)
    # Were it a choice between two results, no branch would be left.
    assert program(AGENT).count("stablehlo.case") == 1
    assert program(plain).count("stablehlo.case") == 0


POPULATION = Population(AGENT, size=2, ready=2, fraction=0.5)


def test_a_population_has_phases_too() -> None:
    """Its members are at one number; the other branch is the exploit's."""
    parts = PARTS["none"][1:]
    peers = compiled(lambda key: population.begin(POPULATION, *parts, key, 7))(KEY)
    lowered = compiled(
        lambda peers, *numbers: population.advance(POPULATION, *parts, peers, *numbers)
    ).lower(peers, 0, 7)
    assert lowered.as_text().count("stablehlo.case") == 2
    train = lowered.compile()
    whole, begun, cut = train(peers, 0, 7)[0], 0, peers
    for length in (2, 2, 3):
        cut, _ = train(cut, begun, length)
        begun += length
    assert_equal(cut, whole)
    assert int(whole.lineage.events) == 1 + 3
    counts = np.asarray(whole.members.learner.optimiser.auxiliary.count)
    phase = AGENT.auxiliary_epochs * PERIOD * AGENT.minibatches
    np.testing.assert_array_equal(counts, [2 * phase] * 2)


@functools.cache
def learner_of(agent: PPG = AGENT) -> Learner:
    return agent.init(SPEC, KEY)


def samples(weight: jax.Array | None = None) -> Samples:
    generator = np.random.default_rng(0)
    return Samples(
        read=jnp.asarray(generator.normal(size=(6, 3)), jnp.float32),
        first=jnp.zeros(6, bool),
        memory=((), ()),
        action=(),
        log_behaviour=(),
        outputs=jnp.asarray(generator.normal(size=(6, 4)), jnp.float32),
        advantage=(),
        value_target=jnp.asarray(generator.normal(size=6), jnp.float32),
        weight=weight,
    )


def moved(learner: Learner) -> Learner:
    """Move the heads away from 0, where little depends on anything."""
    keys = iter(jax.random.split(KEY, 99))
    networks = jax.tree.map(
        lambda p: p + 0.5 * jax.random.normal(next(keys), p.shape), learner.networks
    )
    return learner._replace(networks=networks)


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


@pytest.mark.parametrize("weighed", [False, True])
def test_the_gradient_of_the_auxiliary_loss_by_hand(weighed: bool) -> None:
    """Of the last layers: what a head gives wrongly, times the features it reads."""
    clone, rows = 0.7, np.array([1, 0, 1, 1, 0, 1]) if weighed else np.ones(6)
    networks = moved(learner_of()).networks
    data = samples(jnp.asarray(rows, jnp.float32) if weighed else None)
    gradient, parts = jax.jit(jax.grad(auxiliary_loss, has_aux=True))(
        networks, data, jnp.float32(clone)
    )
    x, target = np.asarray(data.read, float), np.asarray(data.value_target, float)
    share = rows / rows.sum()

    def by_hand(network: Any, head: Any, wrong: Any) -> tuple[np.ndarray, ...]:
        features = np.asarray(jax.vmap(network.torso)(x), float)
        given = features @ np.asarray(head.weight).T + np.asarray(head.bias)
        error = wrong(given) * share[:, None]
        return error.T @ features, error.sum(0), given

    old = softmax(np.asarray(data.outputs, float))
    heads = networks.policy.head, gradient.policy.head
    cases = (
        (networks.policy, heads[0].policy, heads[1].policy, "policy"),
        (networks.policy, heads[0].value, heads[1].value, "value"),
        (networks.value, networks.value.head, gradient.value.head, "value"),
    )
    for network, head, found, kind in cases:

        def wrong(given: np.ndarray, kind: str = kind) -> np.ndarray:
            if kind == "policy":
                return clone * (softmax(given) - old)
            return given - target[:, None]

        weight, bias, given = by_hand(network, head, wrong)
        np.testing.assert_allclose(found.weight, weight, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.bias, bias, rtol=1e-4, atol=1e-6)
        if kind == "policy":
            kl = (old * np.log(old / softmax(given))).sum(-1)
            assert float(parts["clone"]) == pytest.approx(share @ kl, rel=1e-4)


@KINDS
def test_the_clone_term_is_zero_where_a_phase_begins(kind: str) -> None:
    """There the policy is its own clone; the values are what there is to learn."""
    member = history(kind)[PERIOD - 1]
    agent, _, _, _ = PARTS[kind]

    @jax.jit
    def losses(networks: Any, policy: Any, replay: Samples) -> Any:
        one = at(asked(policy, replay), 1)
        clone = jax.grad(lambda n: auxiliary_loss(n, one, jnp.float32(1))[1]["clone"])(
            networks
        )
        return auxiliary_loss(networks, one, jnp.float32(1))[1], clone.policy

    networks, replay = member.learner.networks, member.loop.replay
    parts, slope = losses(networks, networks.policy, replay)
    assert float(parts["clone"]) == pytest.approx(0, abs=1e-6)
    for leaf in jax.tree.leaves(slope):
        np.testing.assert_allclose(leaf, 0, atol=1e-6)
    assert float(parts["auxiliary_loss"]) > 1
    # The clone is of the policy that learns, and not of the average.
    other = losses(networks, member.learner.proximal.parameters, replay)[0]
    assert float(other["clone"]) > 1e-6
    assert agent.memory == kind


def test_outputs_are_those_of_each_batch() -> None:
    policy = history("gru")[-1].learner.networks.policy
    replay = history("gru")[-1].loop.replay
    found = jax.jit(asked)(policy, replay).outputs
    assert found.shape == (PERIOD, COPIES * 2, LENGTH, 3)
    for place in range(PERIOD):
        one = at(replay, place)
        alone = policy_over(policy, one.memory[0], one.read, one.first)
        np.testing.assert_allclose(found[place], alone, rtol=1e-4, atol=1e-5)


@functools.partial(jax.jit, static_argnums=0)
def reflect(agent: PPG, learner: Learner, replay: Samples) -> Learner:
    return agent.reflect(learner, replay, KEY)


def test_a_phase_teaches_values_and_holds_the_policy() -> None:
    member = history("none")[-1]
    agent = dataclasses.replace(AGENT, auxiliary_epochs=40)
    rate = {"auxiliary_learning_rate": jnp.float32(0.02)}

    def after(**settings: float) -> dict[str, jax.Array]:
        changed = member.learner.settings | rate
        changed |= {name: jnp.float32(value) for name, value in settings.items()}
        learner = member.learner._replace(settings=changed)
        data = asked(learner.networks.policy, member.loop.replay)
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), data)
        networks = reflect(agent, learner, member.loop.replay).networks
        return auxiliary_loss(networks, flat, jnp.float32(1))[1]

    before, held, loose = after(auxiliary_learning_rate=0), after(), after(clone=0)
    for name in ("auxiliary_loss", "value_loss"):
        assert float(held[name]) < 0.5 * float(before[name])
    assert float(held["clone"]) < 0.1 * float(loose["clone"])


def test_the_first_auxiliary_step_is_its_learning_rate() -> None:
    learner = learner_of()
    after, _ = jax.jit(AGENT.auxiliary_update)(learner, samples())
    change = jax.tree.map(
        lambda p, q: abs(p - q).max(), learner.networks, after.networks
    )
    largest = max(map(float, jax.tree.leaves(change)))
    # The family's default width is 128.
    assert largest == pytest.approx(5e-4 * (128 / 4) ** 0.5, rel=1e-3)
    assert_equal(after.optimiser.policy, learner.optimiser.policy)


def test_without_an_average_there_is_none_to_begin_anew() -> None:
    agent = dataclasses.replace(AGENT, proximal="behaviour")
    member = history("none")[-1]
    learner = member.learner._replace(proximal=None)
    found = reflect(agent, learner, member.loop.replay)
    assert found.proximal is None
    averaged = reflect(AGENT, member.learner, member.loop.replay)
    assert_equal(found.networks, averaged.networks)
    assert_equal(averaged.proximal, average.start(averaged.networks.policy))


def test_values_teach_a_single_networks_features_in_the_auxiliary_phase_only() -> None:
    agent = dataclasses.replace(AGENT, shared=True)
    learner = moved(learner_of(agent))
    none = {name: jnp.float32(0) for name in ("entropy", "kl_penalty")}
    data = samples()._replace(
        action=jnp.zeros(6, jnp.int32),
        log_behaviour=jnp.zeros(6),
        advantage=jnp.zeros(6),
    )

    @jax.jit
    def slopes(networks: Any, data: Samples) -> Any:
        settings = learner.settings | none
        policy_phase = jax.grad(agent.loss, has_aux=True)(
            networks, networks.policy, data, settings
        )
        auxiliary_phase = jax.grad(auxiliary_loss, has_aux=True)(
            networks, data, jnp.float32(0)
        )
        return policy_phase[0].policy, auxiliary_phase[0].policy

    policy_phase, auxiliary_phase = slopes(learner.networks, data)
    assert all(not x.any() for x in jax.tree.leaves(policy_phase.torso))
    assert all(x.any() for x in jax.tree.leaves(auxiliary_phase.torso))
    for slope in (policy_phase, auxiliary_phase):
        assert all(x.any() for x in jax.tree.leaves(slope.head.value))
    # The policy phase's coefficient is ½, and so both lower ½·E[(V − target)²].
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-4),
        policy_phase.head.value,
        auxiliary_phase.head.value,
    )


def test_the_policy_phase_of_two_networks_is_that_of_ppo() -> None:
    learner = moved(learner_of())
    data = samples()._replace(
        action=jnp.arange(6, dtype=jnp.int32) % 4,
        log_behaviour=jnp.full(6, -1.0),
        advantage=jnp.linspace(-1.0, 1.0, 6),
    )
    stripped = dataclasses.replace(
        learner.networks.policy, head=learner.networks.policy.head.policy
    )
    plain = PPO(width=4, depth=0, minibatches=2)
    networks = learner.networks._replace(policy=stripped)
    alike = plain.init(SPEC, KEY)._replace(
        networks=networks, proximal=average.start(stripped), settings=learner.settings
    )
    learner = learner._replace(proximal=average.start(learner.networks.policy))
    found, metrics = jax.jit(AGENT.update)(learner, data)
    expected, wanted = jax.jit(plain.update)(alike, data)
    near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7)
    jax.tree.map(near, metrics, wanted)
    head = found.networks.policy.head
    jax.tree.map(near, head.policy, expected.networks.policy.head)
    jax.tree.map(near, found.networks.value, expected.networks.value)
    assert_equal(head.value, learner.networks.policy.head.value)


def test_parameters_leave_the_auxiliary_head_out_of_the_policys() -> None:
    agent = PPG(width=20, depth=2)
    learner = jax.eval_shape(lambda key: agent.init(IMAGES, key), KEY)
    expected = PPO().parameters(
        jax.eval_shape(lambda key: PPO(width=20, depth=2).init(IMAGES, key), KEY)
    )
    assert agent.parameters(learner) == expected | {"auxiliary.heads": 20 + 1}
    single = PPG(width=20, shared=True)
    learner = jax.eval_shape(lambda key: single.init(IMAGES, key), KEY)
    assert "auxiliary.heads" not in single.parameters(learner)
    assert single.parameters(learner)["value.heads"] == 20 + 1


def matrices(width: int, outputs: int) -> int:
    """Count the FLOPs of one MLP's matrix products, one block, on 64 pixels."""
    return 2 * (64 * width + width * width + width * outputs)


def test_phases_are_shared_out_among_the_interactions() -> None:
    # Each step is asked about once, and read six times by policy and value: forward
    # and twice that backward, less the gradient by the pixels. The rest as for PPO,
    # whose test counts it. However rare a phase, it has as much more to read.
    policy, value, pixels = matrices(512, 11), matrices(512, 1), 2 * 64 * 512
    plain = PPO(width=512).flops(IMAGES, LARGE)
    expected = policy + 6 * ((3 * policy - pixels) + (3 * value - pixels))
    for period in (1, 32):
        found = PPG(width=512, period=period).flops(IMAGES, LARGE)
        assert found.learn - plain.learn == pytest.approx(expected, rel=0.03)
        assert found.learn - plain.learn > expected
        assert found.act == pytest.approx(plain.act, rel=0.01)


def test_phases_of_windows_are_counted() -> None:
    few, many = (
        dataclasses.replace(
            REMEMBERING, width=64, auxiliary_epochs=epochs, shared=True
        ).flops(SPEC, Schedule(copies=16, length=4))
        for epochs in (1, 3)
    )
    # What is seen (3 + 4 + 1), six matrices of the GRU, heads; forward and twice back.
    products = 2 * (8 * 64 + 6 * 64 * 64 + 64 * (4 + 1))
    assert (many.learn - few.learn) / 2 == pytest.approx(3 * products, rel=0.1)
