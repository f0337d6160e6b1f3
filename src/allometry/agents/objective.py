"""Objective: what PPO-EWMA minimises on a minibatch.

The old policy of PPO (Schulman et al. 2017, arXiv 1707.06347) has two roles, and here
they are two policies: the *behaviour* policy π_behav collected the data and corrects
for it, the *proximal* policy π_prox bounds the step (Hilton, Cobbe, Schulman 2021,
arXiv 2110.00641, and its released code).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from allometry.agents import distributions
from allometry.networks.network import Network

#: Ratios to the behaviour policy are capped here, as in the released code: stale data
#: can give any.
RATIO_CAP = 100.0


class Samples(NamedTuple):
    """What one minibatch holds, one row per player and step."""

    observation: Any  # [M, ...]; arrays here, shapes only where FLOPs are counted
    action: Any  # [M]
    log_behaviour: Any  # [M]
    advantage: Any  # [M]
    value_target: Any  # [M]


def loss(
    networks: tuple[Network, Network],
    proximal: Network,
    samples: Samples,
    settings: Mapping[str, Float[Array, ""]],
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return the loss of a policy and a value network, and its parts.

    L = −E[gain] − c_H·E[H(π)] + c_V·E[(V − target)²] + c_KL·½·E[log²(π/π_prox)] with
    the weights `entropy`, `value_coefficient` and `kl_penalty` of `settings`.
    """
    policy, value = networks
    log_probability = jax.vmap(distributions.log_probability)
    logits = jax.vmap(policy)(samples.observation)
    log_pi = log_probability(logits, samples.action)
    proximal_logits = jax.vmap(proximal)(samples.observation)
    log_proximal = log_probability(proximal_logits, samples.action)

    clip = settings["clip"]
    gain = policy_gain(
        log_pi, log_proximal, samples.log_behaviour, samples.advantage, clip
    )
    error = jax.vmap(value)(samples.observation)[:, 0] - samples.value_target
    metrics = {
        "policy_loss": -gain.mean(),
        "value_loss": jnp.square(error).mean(),
        "entropy": jax.vmap(distributions.entropy)(logits).mean(),
        "kl": 0.5 * jnp.square(log_pi - log_proximal).mean(),
        "clip_fraction": (jnp.abs(jnp.exp(log_pi - log_proximal) - 1) > clip).mean(),
    }
    total = (
        metrics["policy_loss"]
        - settings["entropy"] * metrics["entropy"]
        + settings["value_coefficient"] * metrics["value_loss"]
        + settings["kl_penalty"] * metrics["kl"]
    )
    return total, metrics


def policy_gain(
    log_pi: Float[Array, " M"],
    log_proximal: Float[Array, " M"],
    log_behaviour: Float[Array, " M"],
    advantage: Float[Array, " M"],
    clip: Float[Array, ""],
) -> Float[Array, " M"]:
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
