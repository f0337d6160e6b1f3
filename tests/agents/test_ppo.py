"""PPO: one gradient step after another, what is traced, and what it costs."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from allometry.agents.agent import traced_names
from allometry.agents.distributions import distribution
from allometry.agents.objective import loss
from allometry.agents.on_policy import bounded
from allometry.agents.ppo import PPO, Learner
from allometry.agents.registry import AGENTS
from allometry.agents.rollout import Batch
from allometry.agents.samples import Samples
from allometry.agents.schedule import Schedule
from allometry.environments.environment import TimeStep
from allometry.networks.network import Network
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

INPUTS, ACTIONS = 3, 4
SPEC = EnvironmentSpec(ArraySpec((INPUTS,)), discrete(ACTIONS), episodic=False)
IMAGES = EnvironmentSpec(ArraySpec((8, 8, 1)), discrete(10), episodic=False)
AGENT = PPO(width=6, depth=0, minibatches=4)
STEPS, COPIES = 8, 2
LARGE = Schedule(copies=64, length=64)
KEY = jax.random.key(0)

update = jax.jit(AGENT.update)
act = jax.jit(AGENT.act, static_argnames="explore")
policy_of = jax.jit(jax.vmap(AGENT.probabilities, (None, 0)))


@functools.partial(jax.jit, static_argnums=0)
def learn(agent: PPO, learner: Learner, data: Batch) -> tuple[Learner, dict]:
    return agent.learn(learner, data, KEY)


@functools.cache
def learner_of(agent: PPO = AGENT) -> Learner:
    return agent.init(SPEC, KEY)


def with_networks(learner: Learner, **changed: Network) -> Learner:
    return learner._replace(networks=learner.networks._replace(**changed))


def batch(seed: int = 0) -> Batch:
    generator = np.random.default_rng(seed)
    rows = (STEPS, COPIES, 1)
    seen = generator.normal(size=(STEPS + 1, COPIES, 1, INPUTS)).astype(np.float32)
    never = jnp.zeros(rows[:2], bool)
    return Batch(
        timestep=shown(jnp.asarray(seen[:-1]), STEPS, COPIES),
        action=jnp.asarray(generator.integers(0, ACTIONS, rows), jnp.int32),
        reward=jnp.asarray(generator.normal(size=rows), jnp.float32),
        terminated=never,
        truncated=never,
        taken=None,
        extras={
            "log_behaviour": jnp.full(rows, -np.log(ACTIONS), jnp.float32),
            "outputs": jnp.zeros((*rows, ACTIONS)),
        },
        last=shown(jnp.asarray(seen[-1]), COPIES),
        memory=((), ()),
        last_memory=((), ()),
    )


def samples(seed: int = 0) -> Samples:
    data = batch(seed)
    rows = STEPS * COPIES
    reward = data.reward.ravel()
    return Samples(
        read=data.timestep.observation.reshape(rows, INPUTS),
        first=jnp.zeros(rows, bool),
        memory=((), ()),
        action=data.action.ravel(),
        log_behaviour=jnp.full(rows, -1.0),
        outputs=jnp.zeros((rows, ACTIONS)),
        advantage=reward,
        value_target=reward,
        weight=None,
    )


def shown(observation: jax.Array, *leading: int) -> TimeStep:
    """Show players their observations `[*leading, P, ...]`, amid an episode."""
    false, players = jnp.zeros(leading, bool), observation.shape[len(leading)]
    return TimeStep(
        observation=observation,
        reward=jnp.zeros((*leading, players)),
        first=false,
        trial_end=false,
        terminated=false,
        truncated=false,
        player_mask=jnp.ones((*leading, players), bool),
        extras={},
    )


def test_the_proximal_policy_averages_the_policies_after_every_step() -> None:
    learner, policies = learner_of(), [learner_of().networks.policy]
    for seed in range(5):
        learner, _ = update(learner, samples(seed))
        policies.append(learner.networks.policy)
    weights = (1 - 1 / (AGENT.ewma_centre + 1)) ** np.arange(5, -1, -1)
    mean = jax.tree.map(
        lambda *p: np.tensordot(weights / weights.sum(), np.stack(p), 1), *policies
    )
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-6),
        learner.proximal.parameters,
        mean,
    )


@pytest.mark.parametrize(("epochs", "minibatches"), [(1, 4), (3, 2)])
def test_learn_takes_the_steps_that_it_counts(epochs: int, minibatches: int) -> None:
    agent = dataclasses.replace(AGENT, epochs=epochs, minibatches=minibatches)
    learner, metrics = learn(agent, learner_of(), batch())
    steps = agent.updates()
    assert steps == epochs * minibatches
    assert int(learner.optimiser.count) == steps
    decay = 1 - 1 / (AGENT.ewma_centre + 1)
    weight = sum(decay**k for k in range(steps + 1))
    assert float(learner.proximal.weight) == pytest.approx(weight, rel=1e-5)
    assert all(x.shape == () and np.isfinite(x) for x in metrics.values())


def test_the_first_step_of_adam_is_the_learning_rate() -> None:
    before = learner_of()
    after, _ = update(before, samples())
    moved = jax.tree.leaves(
        jax.tree.map(lambda p, q: abs(p - q).max(), before.networks, after.networks)
    )
    rate = float(before.settings["learning_rate"])
    assert max(map(float, moved)) == pytest.approx(rate, rel=1e-3)


def test_advantages_are_normalised_over_the_batch() -> None:
    # With γ = 0 and values of 0 the advantage is the reward itself.
    learner = learner_of()
    value = learner.networks.value
    zero = jax.tree.map(jnp.zeros_like, value.head)
    value = dataclasses.replace(value, head=zero)
    none = {name: jnp.float32(0) for name in ("discount", "value_coefficient")}
    learner = with_networks(learner, value=value)
    learner = learner._replace(settings=learner.settings | none)
    plain = batch()
    other = plain._replace(reward=10 * plain.reward + 3)
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-3, atol=1e-5),
        learn(AGENT, learner, plain)[0].networks.policy,
        learn(AGENT, learner, other)[0].networks.policy,
    )


def test_without_episodes_it_learns_as_if_every_row_were_taken() -> None:
    # λ < 1, since at λ = 1 all values but the last cancel.
    learner = learner_of(dataclasses.replace(AGENT, trace=0.5, discount=0.9))
    plain = batch()
    episodic = plain._replace(taken=jnp.ones((STEPS, COPIES), bool))
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-6),
        learn(AGENT, learner, plain)[0].networks,
        learn(AGENT, learner, episodic)[0].networks,
    )


def test_an_action_comes_with_its_log_probability() -> None:
    learner, observation = learner_of(), jax.random.normal(KEY, (50, INPUTS))
    policy = jax.tree.map(lambda p: 3 * p, learner.networks.policy)
    learner = with_networks(learner, policy=policy)
    none = AGENT.initial_memory(learner)
    action, memory, extras = act(learner, shown(observation), none, KEY)
    assert memory == none == ((), ())
    assert len(np.unique(action)) > 1
    chosen = np.asarray(policy_of(learner, observation))[np.arange(50), action]
    np.testing.assert_allclose(extras["log_behaviour"], np.log(chosen), rtol=1e-4)
    found = np.exp(extras["outputs"])
    found /= found.sum(-1, keepdims=True)
    np.testing.assert_allclose(found[np.arange(50), action], chosen, rtol=1e-4)


def test_without_exploring_it_takes_the_likeliest_action() -> None:
    learner, observation = learner_of(), jax.random.normal(KEY, (50, INPUTS))
    action, _, _ = act(learner, shown(observation), ((), ()), KEY, explore=False)
    likeliest = policy_of(learner, observation).argmax(-1)
    np.testing.assert_array_equal(action, likeliest)


def test_what_remembers_has_no_probabilities_of_one_observation() -> None:
    agent = dataclasses.replace(AGENT, memory="gru")
    with pytest.raises(Refusal, match=r'memory is "gru" has no probabilities.*"none"'):
        agent.probabilities(learner_of(agent), jnp.ones(INPUTS))


def test_begins_near_uniform() -> None:
    policy = policy_of(learner_of(), jax.random.normal(KEY, (50, INPUTS)))
    np.testing.assert_allclose(policy, 1 / ACTIONS, rtol=0.1)


def test_the_learning_rate_falls_with_the_root_of_the_width() -> None:
    rates = [float(PPO(width=w).settings()["learning_rate"]) for w in (128, 32, 512)]
    assert rates == pytest.approx([2e-3, 4e-3, 1e-3])


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_every_leaf_of_a_learner_is_an_array(agent: type) -> None:
    learner = agent().init(SPEC, KEY)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(learner))


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_settings_are_the_traced_hyper_parameters(agent: type) -> None:
    traced = traced_names(agent)
    assert tuple(agent().settings()) == traced
    kinds = {field.name: field.metadata for field in dataclasses.fields(agent)}
    assert {name for name, kind in kinds.items() if kind["traced"]} == {*traced}
    assert all(kind["doc"] for kind in kinds.values())


OTHER_VALUES = {
    "learning_rate": 1e-2,
    "discount": 0.9,
    "trace": 0.5,
    "reward_scale": 3.0,
    "clip": 0.01,
    "entropy": 0.3,
    "value_coefficient": 2.0,
    "kl_penalty": 5.0,
    "ewma_centre": 1.0,
}


def test_a_sweep_over_traced_hyper_parameters_compiles_once() -> None:
    assert OTHER_VALUES.keys() == {*traced_names(PPO)}
    traces = 0

    @jax.jit
    def counted(learner: Learner, data: Batch) -> Learner:
        nonlocal traces
        traces += 1
        return AGENT.learn(learner, data, KEY)[0]

    plain = counted(learner_of(), batch())
    for name, value in OTHER_VALUES.items():
        other = dataclasses.replace(AGENT, **{name: value})
        learnt = counted(learner_of(other), batch())
        same = jax.tree.map(
            lambda p, q: bool((p == q).all()),
            (plain.networks, plain.proximal),
            (learnt.networks, learnt.proximal),
        )
        assert not all(jax.tree.leaves(same)), f"{name} has no effect"
    assert traces == 1


def test_what_it_learns_depends_on_the_learner_and_not_on_the_record() -> None:
    other = dataclasses.replace(AGENT, **OTHER_VALUES)
    learner = learner_of(other)
    jax.tree.map(
        np.testing.assert_array_equal,
        learn(AGENT, learner, batch()),
        learn(other, learner, batch()),
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 7},
        {"depth": 1},
        {"minibatches": 8},
        {"shared": True},
        {"proximal": "behaviour"},
        {"gradient_norm": 0.5},
    ],
    ids=str,
)
def test_another_static_hyper_parameter_is_another_program(changed: dict) -> None:
    assert not {*changed} & {*traced_names(PPO)}
    other = dataclasses.replace(AGENT, **changed)

    def program(agent: PPO) -> str:
        learner = jax.eval_shape(lambda key: agent.init(SPEC, key), KEY)
        return str(jax.make_jaxpr(agent.learn)(learner, batch(), KEY))

    assert program(other) != program(AGENT)
    assert program(dataclasses.replace(AGENT, **OTHER_VALUES)) == program(AGENT)


def test_refuses_minibatches_of_unequal_size() -> None:
    agent = dataclasses.replace(AGENT, minibatches=3)
    sentence = r"agent\.minibatches is 3.* 16 samples \(training\.copies × training\."
    with pytest.raises(Refusal, match=sentence):
        agent.learn(learner_of(), batch(), KEY)
    with pytest.raises(Refusal, match=sentence):
        agent.flops(SPEC, Schedule(copies=COPIES, length=STEPS))


def test_acts_as_the_environments_actions_are() -> None:
    """Several discrete parts of an action come of one network."""
    action = ArraySpec((2,), "int32", num_values=3)
    spec = EnvironmentSpec(ArraySpec((INPUTS,)), action, players=5)
    learner = AGENT.init(spec, KEY)
    drawn, _, extras = AGENT.act(learner, shown(jnp.ones((5, INPUTS))), ((), ()), KEY)
    assert drawn.shape == (5, 2)
    assert extras["log_behaviour"].shape == (5,)
    assert extras["outputs"].shape == (5, distribution(action).outputs)


def test_one_network_may_serve_policy_and_value() -> None:
    agent = dataclasses.replace(AGENT, shared=True)
    learner = learner_of(agent)
    assert learner.networks.value is None
    seen = jax.random.normal(KEY, (INPUTS,))
    features = learner.networks.policy.torso(seen)
    head = learner.networks.policy.head
    np.testing.assert_allclose(learner.networks.worth(seen), head.value(features)[0])
    np.testing.assert_allclose(
        agent.probabilities(learner, seen), jax.nn.softmax(head.policy(features))
    )
    later, metrics = learn(agent, learner, batch())
    assert np.isfinite(metrics["value_loss"])
    moved = jax.tree.map(
        lambda p, q: bool((p != q).any()), learner.networks, later.networks
    )
    assert all(jax.tree.leaves(moved))


def test_the_behaviour_policy_may_bound_the_step() -> None:
    agent = dataclasses.replace(AGENT, proximal="behaviour")
    learner = learner_of(agent)
    assert learner.proximal is None
    later, _ = jax.jit(agent.update)(learner, samples())
    assert later.proximal is None
    # The gradient is that of the objective without a proximal network, after Adam's
    # first step, which is the sign of the gradient times the rate.
    gradient, _ = jax.grad(loss, has_aux=True)(
        learner.networks, None, samples(), learner.settings
    )
    rate = learner.settings["learning_rate"]
    jax.tree.map(
        lambda p, q, g: np.testing.assert_allclose(
            p - q, rate * g / (abs(g) + 1e-8), rtol=1e-3, atol=1e-6
        ),
        learner.networks,
        later.networks,
        gradient,
    )


def test_a_gradient_is_bounded_as_a_whole() -> None:
    tree = {"a": jnp.array([3.0, 0.0]), "b": jnp.array(-4.0)}
    assert bounded(tree, None) is tree
    jax.tree.map(np.testing.assert_array_equal, bounded(tree, 5.5), tree)
    half = jax.tree.map(lambda x: x / 2, tree)
    jax.tree.map(np.testing.assert_allclose, bounded(tree, 2.5), half)


def test_the_gradients_norm_is_bounded_before_adam() -> None:
    learner = learner_of()
    plain, _ = jax.grad(loss, has_aux=True)(
        learner.networks, learner.proximal.parameters, samples(), learner.settings
    )
    norm = float(optax.tree.norm(plain))
    agent = dataclasses.replace(AGENT, gradient_norm=norm / 4)
    later, _ = jax.jit(agent.update)(learner, samples())
    # Adam's first moment after one step is a tenth of the gradient.
    jax.tree.map(
        lambda m, g: np.testing.assert_allclose(m, 0.1 * g / 4, rtol=1e-3, atol=1e-8),
        later.optimiser.mu,
        plain,
    )


def test_parameters_are_counted_by_network_and_part() -> None:
    learner = jax.eval_shape(lambda key: PPO(width=20, depth=2).init(IMAGES, key), KEY)
    assert PPO().parameters(learner) == {
        "policy.embedding": 64 * 20 + 20,
        "policy.torso": 2 * (20 * 20 + 20),
        "policy.memory": 0,
        "policy.heads": 20 * 10 + 10,
        "value.embedding": 64 * 20 + 20,
        "value.torso": 2 * (20 * 20 + 20),
        "value.memory": 0,
        "value.heads": 20 + 1,
    }


def matrices(width: int, outputs: int) -> int:
    """Count the FLOPs of one MLP's matrix products, one block, on 64 pixels."""
    return 2 * (64 * width + width * width + width * outputs)


def test_acting_takes_a_pass_of_the_policy() -> None:
    # Beside the products: biases, ELUs and the residual sum, 10 to 20 per unit, and
    # the draw, some 400 whatever the width. At width 512 that is 2 % of it.
    act = PPO(width=512).flops(IMAGES, LARGE).act
    assert act == pytest.approx(matrices(512, 10), rel=0.02)
    assert act > matrices(512, 10)


def test_learning_takes_passes_of_policy_value_and_proximal_policy() -> None:
    # Per sample: the value before the update; forward and twice that backward of
    # policy and value, less the gradient by the pixels, which nobody asks for;
    # forward of the proximal policy. Beside the products: some 80 per unit for ELUs,
    # biases and their gradients, and 15 per parameter and step for Adam and the
    # average, shared by the 2,048 samples of a minibatch. At width 512: 2 %.
    policy, value, pixels = matrices(512, 10), matrices(512, 1), 2 * 64 * 512
    expected = value + (3 * policy - pixels) + (3 * value - pixels) + policy
    learn = PPO(width=512, minibatches=2).flops(IMAGES, LARGE).learn
    assert learn == pytest.approx(expected, rel=0.02)
    assert learn > expected


def test_an_episodic_environment_takes_no_more_values() -> None:
    # What ended an episode is a row of its own: only what counts is told apart.
    episodic = dataclasses.replace(IMAGES, episodic=True)
    agent = PPO(width=512)
    extra = agent.flops(episodic, LARGE).learn - agent.flops(IMAGES, LARGE).learn
    assert 0 <= extra < 50


def test_epochs_multiply_the_gradient_steps() -> None:
    one, two, three = (
        PPO(width=64, epochs=epochs).flops(IMAGES, LARGE).learn for epochs in (1, 2, 3)
    )
    assert three - two == pytest.approx(two - one)
    # The first holds the values of the batch as well.
    assert 2 * one - two == pytest.approx(matrices(64, 1), rel=0.06)


def test_minibatches_multiply_the_optimiser_alone() -> None:
    two, four, eight = (
        PPO(width=64, minibatches=n).flops(IMAGES, LARGE).learn for n in (2, 4, 8)
    )
    assert eight - four == pytest.approx(2 * (four - two), rel=0.01)
    learner = jax.eval_shape(lambda key: PPO(width=64).init(IMAGES, key), KEY)
    parameters = sum(PPO().parameters(learner).values())
    # Adam and the step: 14 operations a parameter; the average: 3, of the policy's.
    assert (eight - four) * 4096 / 4 / parameters == pytest.approx(15, abs=2)


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_compute_is_proportional_to_the_parameters(depth: int) -> None:
    ratios = []
    for width in (256, 512):
        agent = PPO(width=width, depth=depth)
        learner = jax.eval_shape(lambda key, a=agent: a.init(IMAGES, key), KEY)
        counts = agent.parameters(learner).items()
        policy = sum(n for part, n in counts if part.startswith("policy."))
        ratios.append(agent.flops(IMAGES, Schedule(64, 128)).act / policy)
    assert ratios == pytest.approx([2.0, 2.0], rel=0.05)
