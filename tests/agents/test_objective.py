"""Objective: PPO-EWMA's loss in NumPy, and what clips, caps and pulls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from allometry.agents.actor_critic import ActorCritic
from allometry.agents.distributions import distribution
from allometry.agents.objective import RATIO_CAP, loss, policy_gain
from allometry.agents.samples import Samples
from allometry.networks.network import Network
from allometry.networks.scale import scale
from allometry.specs import ArraySpec, discrete

INPUTS, ACTIONS, ROWS = 3, 4, 7
SETTINGS = {
    "clip": 0.2,
    "entropy": 0.03,
    "value_coefficient": 0.5,
    "kl_penalty": 0.7,
}


def network(seed: int, outputs: int) -> Network:
    return scale(ArraySpec((INPUTS,)), outputs, width=5)(jax.random.key(seed))


POLICY, OTHER, VALUE = network(0, ACTIONS), network(1, ACTIONS), network(2, 1)
NETWORKS = ActorCritic(POLICY, VALUE, distribution(discrete(ACTIONS)))
PROXIMAL = jax.tree.map(lambda p, q: 0.85 * p + 0.15 * q, POLICY, OTHER)


def outputs(network: Network, x: np.ndarray) -> np.ndarray:
    """Run an MLP of one residual block on rows `x`, in float64."""

    def affine(layer, x):
        return x @ np.asarray(layer.weight, float).T + np.asarray(layer.bias, float)

    def elu(x):
        return np.where(x > 0, x, np.expm1(x))

    x = elu(affine(network.torso.embedding, x))
    (block,) = network.torso.blocks
    return affine(network.head, x + elu(affine(block, x)))


def samples(log_behaviour: np.ndarray | None = None) -> Samples:
    generator = np.random.default_rng(3)
    observation = generator.normal(size=(ROWS, INPUTS)).astype(np.float32)
    action = generator.integers(0, ACTIONS, ROWS).astype(np.int32)
    if log_behaviour is None:
        log_behaviour = np.log(generator.uniform(0.05, 0.9, ROWS))
    advantage, target = generator.normal(size=(2, ROWS)).astype(np.float32)
    log_behaviour = jnp.asarray(log_behaviour, jnp.float32)
    return Samples(
        read=jnp.asarray(observation),
        first=jnp.zeros(ROWS, bool),
        memory=((), ()),
        action=jnp.asarray(action),
        log_behaviour=log_behaviour,
        outputs=jnp.zeros((ROWS, ACTIONS)),
        advantage=jnp.asarray(advantage),
        value_target=jnp.asarray(target),
        weight=None,
    )


def settings_(**changed: float) -> dict[str, jax.Array]:
    return {name: jnp.float32(x) for name, x in (SETTINGS | changed).items()}


def log_pi_of(network: Network, batch: Samples) -> np.ndarray:
    logits = outputs(network, np.asarray(batch.read, float))
    return log_softmax(logits, axis=1)[np.arange(ROWS), np.asarray(batch.action)]


def test_loss_and_its_parts_are_those_of_the_formula() -> None:
    batch = samples()
    observation = np.asarray(batch.read, float)
    log_all = log_softmax(outputs(POLICY, observation), axis=1)
    log_pi, log_proximal = log_pi_of(POLICY, batch), log_pi_of(PROXIMAL, batch)
    log_behaviour, advantage, target = (
        np.asarray(x, float)
        for x in (batch.log_behaviour, batch.advantage, batch.value_target)
    )

    to_proximal = np.exp(log_pi - log_proximal)
    weight = np.exp(log_proximal - log_behaviour)
    clipped = np.clip(to_proximal, 0.8, 1.2)
    assert 0 < (clipped != to_proximal).mean() < 1  # both sides of the clip are seen
    gain = np.minimum(to_proximal * advantage, clipped * advantage) * weight
    expected = {
        "policy_loss": -gain.mean(),
        "value_loss": ((outputs(VALUE, observation)[:, 0] - target) ** 2).mean(),
        "entropy": -(np.exp(log_all) * log_all).sum(1).mean(),
        "kl": ((log_pi - log_proximal) ** 2).mean() / 2,
        "clip_fraction": (clipped != to_proximal).mean(),
    }
    total, metrics = loss(NETWORKS, PROXIMAL, batch, settings_())
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        assert float(metrics[name]) == pytest.approx(value, rel=1e-4), name
    assert float(total) == pytest.approx(
        expected["policy_loss"]
        - 0.03 * expected["entropy"]
        + 0.5 * expected["value_loss"]
        + 0.7 * expected["kl"],
        rel=1e-4,
    )


def test_three_equal_policies_give_the_vanilla_policy_gradient() -> None:
    batch = samples(log_behaviour=np.zeros(ROWS))
    batch = batch._replace(
        log_behaviour=jnp.asarray(log_pi_of(POLICY, batch), jnp.float32)
    )
    plain = settings_(entropy=0.0, value_coefficient=0.0)

    def vanilla(policy: Network) -> jax.Array:
        logits = jax.vmap(policy)(batch.read)
        log_pi = jax.nn.log_softmax(logits)[jnp.arange(ROWS), batch.action]
        return -(batch.advantage * log_pi).mean()

    gradient = jax.jit(jax.grad(loss, has_aux=True))
    found, _ = gradient(NETWORKS, POLICY, batch, plain)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        found.policy,
        jax.jit(jax.grad(vanilla))(POLICY),
    )
    assert all(not leaf.any() for leaf in jax.tree.leaves(found.value))


def test_without_a_proximal_policy_the_behaviour_policy_bounds_the_step() -> None:
    log_pi = log_pi_of(POLICY, samples())
    batch = samples(log_behaviour=log_pi - np.linspace(-0.5, 0.5, ROWS))
    ratio = np.exp(np.linspace(-0.5, 0.5, ROWS))
    clipped = np.clip(ratio, 0.8, 1.2)
    assert 0 < (clipped != ratio).mean() < 1
    advantage = np.asarray(batch.advantage, float)
    gain = np.minimum(ratio * advantage, clipped * advantage)
    _, metrics = loss(NETWORKS, None, batch, settings_())
    assert float(metrics["policy_loss"]) == pytest.approx(-gain.mean(), rel=1e-4)
    assert float(metrics["kl"]) == pytest.approx((np.log(ratio) ** 2).mean() / 2, 1e-3)
    assert float(metrics["clip_fraction"]) == pytest.approx((clipped != ratio).mean())


def test_rows_without_weight_do_not_count() -> None:
    batch = samples()
    kept = np.array([0, 2, 3, 6])
    weight = np.zeros(ROWS, np.float32)
    weight[kept] = 1
    # What does not count may be anything.
    noise = jnp.where(weight > 0, 0.0, 50.0)
    spoilt = batch._replace(
        read=batch.read + noise[:, None],
        advantage=batch.advantage + noise,
        value_target=batch.value_target - noise,
        weight=jnp.asarray(weight),
    )
    few = jax.tree.map(lambda x: x[kept], batch)
    gradient = jax.jit(jax.grad(loss, has_aux=True))
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-6),
        gradient(NETWORKS, PROXIMAL, spoilt, settings_()),
        gradient(NETWORKS, PROXIMAL, few, settings_()),
    )


def test_a_batch_of_which_nothing_counts_has_no_loss() -> None:
    batch = samples()._replace(weight=jnp.zeros(ROWS))
    total, metrics = loss(NETWORKS, PROXIMAL, batch, settings_())
    assert float(total) == 0
    assert not any(map(float, metrics.values()))


def gain_and_pull(
    to_proximal: float, to_behaviour: float, advantage: float
) -> tuple[float, float]:
    """Give one sample's gain and its derivative by log π, at log π = −1."""
    log_pi = jnp.array([-1.0])

    def gain(log_pi: jax.Array) -> jax.Array:
        return policy_gain(
            log_pi,
            jnp.array([-1.0 - np.log(to_proximal)], jnp.float32),
            jnp.array([-1.0 - np.log(to_behaviour)], jnp.float32),
            jnp.array([advantage]),
            jnp.float32(0.2),
        ).sum()

    value, pull = jax.value_and_grad(gain)(log_pi)
    return float(value), float(pull[0])


@pytest.mark.parametrize("advantage", [1.0, -2.0])
@pytest.mark.parametrize("to_behaviour", [0.1, 1.0, 3.0, 50.0])
@pytest.mark.parametrize("to_proximal", [0.85, 1.0, 1.15])
def test_nothing_is_clipped_near_the_proximal_policy(
    to_proximal: float, to_behaviour: float, advantage: float
) -> None:
    found = gain_and_pull(to_proximal, to_behaviour, advantage)
    assert found == pytest.approx([to_behaviour * advantage] * 2, rel=1e-4)


@pytest.mark.parametrize("to_behaviour", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("to_proximal", "advantage", "bound"), [(1.5, 1.0, 1.2), (0.5, -1.0, 0.8)]
)
def test_steps_away_from_the_proximal_policy_are_clipped(
    to_proximal: float, advantage: float, bound: float, to_behaviour: float
) -> None:
    weight = to_behaviour / to_proximal
    gain, pull = gain_and_pull(to_proximal, to_behaviour, advantage)
    assert gain == pytest.approx(bound * weight * advantage, rel=1e-4)
    assert pull == 0.0


@pytest.mark.parametrize(("to_proximal", "advantage"), [(1.5, -1.0), (0.5, 1.0)])
def test_steps_back_to_the_proximal_policy_are_not_clipped(
    to_proximal: float, advantage: float
) -> None:
    found = gain_and_pull(to_proximal, 1.0, advantage)
    assert found == pytest.approx([advantage] * 2, rel=1e-4)


@pytest.mark.parametrize("to_behaviour", [1e3, 1e30])
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_beyond_the_cap_a_sample_pulls_at_the_cap(
    to_behaviour: float, advantage: float
) -> None:
    found = gain_and_pull(1.0, to_behaviour, advantage)
    assert found == pytest.approx([RATIO_CAP * advantage] * 2, rel=1e-3)


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("to_proximal", [1e-30, 1e30])
def test_ratios_far_out_stay_finite(to_proximal: float, advantage: float) -> None:
    assert np.isfinite(gain_and_pull(to_proximal, 1.0, advantage)).all()


def test_a_clip_above_one_bounds_only_from_above() -> None:
    gain = policy_gain(
        *(jnp.array([x, x]) for x in (-9.0, -1.0, -1.0)),
        jnp.array([1.0, -1.0]),
        jnp.float32(1.5),
    )
    np.testing.assert_allclose(gain, np.array([1, -1]) * np.exp(-8.0), rtol=1e-4)
