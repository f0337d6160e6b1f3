"""Objective: what PPO-EWMA minimises on a minibatch.

The old policy of PPO (Schulman et al. 2017, arXiv 1707.06347) has two roles, and here
they are two policies: the *behaviour* policy π_behav collected the data and corrects
for it, the *proximal* policy π_prox bounds the step (Hilton, Cobbe, Schulman 2021,
arXiv 2110.00641, and its released code).
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from allometry.agents.actor_critic import ActorCritic, policy_over
from allometry.agents.samples import Samples
from allometry.networks.network import Network

#: Ratios to the behaviour policy are capped here, as in the released code: stale data
#: can give any.
RATIO_CAP = 100.0


def loss(
    networks: ActorCritic,
    proximal: Network | None,
    samples: Samples,
    settings: Mapping[str, Float[Array, ""]],
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return the loss of policy and value on a minibatch, and its parts.

    L = −E[gain] − c_H·E[H(π)] + c_V·E[(V − target)²] + c_KL·½·E[log²(π/π_prox)] with
    the weights `entropy`, `value_coefficient` and `kl_penalty` of `settings`. Without
    a `proximal` network the behaviour policy has both roles, as in the first PPO.
    """
    distribution = networks.distribution
    log_probability = samples.each(distribution.log_probability)
    outputs, value = networks.over(samples.memory, samples.read, samples.first)
    log_pi = log_probability(outputs, samples.action)
    log_proximal = samples.log_behaviour
    if proximal is not None:
        log_proximal = log_probability(
            policy_over(proximal, samples.memory[0], samples.read, samples.first),
            samples.action,
        )

    clip = settings["clip"]
    gain = policy_gain(
        log_pi, log_proximal, samples.log_behaviour, samples.advantage, clip
    )
    entropy = samples.each(distribution.entropy)(outputs)
    mean = samples.mean
    metrics = {
        "policy_loss": -mean(gain),
        "value_loss": mean(jnp.square(value - samples.value_target)),
        "entropy": mean(entropy),
        "kl": 0.5 * mean(jnp.square(log_pi - log_proximal)),
        "clip_fraction": mean(
            (jnp.abs(jnp.exp(log_pi - log_proximal) - 1) > clip).astype(jnp.float32)
        ),
    }
    total = (
        metrics["policy_loss"]
        - settings["entropy"] * metrics["entropy"]
        + settings["value_coefficient"] * metrics["value_loss"]
        + settings["kl_penalty"] * metrics["kl"]
    )
    return total, metrics


def policy_gain(
    log_pi: Float[Array, "*M"],
    log_proximal: Float[Array, "*M"],
    log_behaviour: Float[Array, "*M"],
    advantage: Float[Array, "*M"],
    clip: Float[Array, ""],
) -> Float[Array, "*M"]:
    """Return what each sample adds to the decoupled clipped objective, to maximise.

    min(π/π_behav · A, clip(π/π_prox, 1 ± ε) · π_prox/π_behav · A): arXiv 2110.00641,
    their decoupled objective. Where π/π_behav exceeds `RATIO_CAP`, π_behav is raised
    until it does not: the sample still pulls, at the cap. Ratios are formed in log
    space, where they do not overflow before they are bounded.
    """
    least = jax.lax.stop_gradient(log_pi) - jnp.log(RATIO_CAP)
    log_behaviour = jnp.maximum(log_behaviour, least)
    lowest, highest = jnp.log(jnp.maximum(1 - clip, 0)), jnp.log1p(clip)
    bounded = log_proximal + jnp.clip(log_pi - log_proximal, lowest, highest)
    return jnp.minimum(
        jnp.exp(log_pi - log_behaviour) * advantage,
        jnp.exp(bounded - log_behaviour) * advantage,
    )
