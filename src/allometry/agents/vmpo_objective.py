"""V-MPO's objective: the losses of a policy, its temperature and its multipliers.

An improved policy ψ weighs the better half of a batch's actions by exp(A/η); the
policy is fitted to it while its divergence from the target policy stays within bounds.
η and the α that hold the bounds are learnt with it. Source: Song et al. 2019,
arXiv 1909.12238, eq. 3 to 5; they agree with `rlax.vmpo_loss`. The value loss is the
agent's.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

#: The least temperature and multiplier, as in `rlax`.
LEAST_MULTIPLIER = 1e-10


class Samples(NamedTuple):
    """What a batch holds, one row per player and step.

    `log_pi` is log π(a) of the policy that learns, `divergence` KL(target‖π) by part.
    `valid` is false in rows that take no action: what they hold does not count.
    """

    advantage: Float[Array, " M"]
    log_pi: Float[Array, " M"]
    divergence: Float[Array, "M parts"]
    valid: Bool[Array, " M"]


class Multipliers(NamedTuple):
    """A number for the temperature η, and one for each part of a divergence.

    Three things have this form: the multipliers η and α, what is stored of them, and
    the bounds ε of what they hold.
    """

    temperature: Float[Array, ""]
    alpha: Float[Array, " parts"]


def positive(stored: Multipliers) -> Multipliers:
    """Return multipliers of what is stored: softplus, then at least 1e-10.

    The projection passes gradients on, so that what sank to the floor can rise.
    """

    def project(stored: Float[Array, "..."]) -> Float[Array, "..."]:
        value = jax.nn.softplus(stored)
        below = jnp.maximum(LEAST_MULTIPLIER - value, 0.0)
        return value + jax.lax.stop_gradient(below)

    return jax.tree.map(project, stored)


def stored_of(multipliers: Multipliers) -> Multipliers:
    """Return what to store of multipliers > 0: the inverse of softplus."""
    # log(eˣ − 1), written so that neither large nor small x overflows or cancels.
    return jax.tree.map(lambda x: x + jnp.log(-jnp.expm1(-x)), multipliers)


def loss(
    samples: Samples, multipliers: Multipliers, bounds: Multipliers
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return L_π + L_η + L_α and its parts; 0 for a batch without valid rows.

    With ψ = softmax(A/η) over the kept half, L_π = −Σ ψ log π, L_η = η ε_η + η log mean
    exp(A/η) over the kept half, and L_α = Σ mean α(ε_α − KL) + α KL over *all* valid
    rows and a sum over parts, in whose first term KL is held fixed and in whose second
    α is. No gradient reaches the advantages. Of the parts, `kl` is the mean divergence
    summed over its parts, and `kept` how many rows ψ weighs.
    """
    advantage = jax.lax.stop_gradient(samples.advantage)
    kept = top_half(advantage, samples.valid)
    psi, temperature_loss = _weigh(
        advantage, kept, multipliers.temperature, bounds.temperature
    )
    kl = _mean_of_rows(samples.divergence, samples.valid)
    slack = jnp.where(samples.valid.any(), bounds.alpha - jax.lax.stop_gradient(kl), 0)
    held = jax.lax.stop_gradient(multipliers.alpha)
    metrics = {
        "policy_loss": -jnp.sum(psi * jnp.where(kept, samples.log_pi, 0.0)),
        "temperature_loss": temperature_loss,
        "alpha_loss": jnp.sum(multipliers.alpha * slack + held * kl),
        "kl": kl.sum(),
        "kept": kept.sum().astype(advantage.dtype),
    }
    total = metrics["policy_loss"] + metrics["temperature_loss"] + metrics["alpha_loss"]
    return total, metrics


def top_half(
    advantage: Float[Array, " M"], valid: Bool[Array, " M"]
) -> Bool[Array, " M"]:
    """Mark the larger half of the valid advantages.

    Of n valid rows those are kept whose advantage is at least the ⌊n/2⌋-th largest, and
    the largest of one: an odd row is left out, ties with the last one kept are kept
    too, so that the order of rows does not matter (as in `rlax`, which halves the count
    of all rows where some are invalid). An advantage that is no number is kept, and
    shows in the losses.
    """
    ranked = jnp.sort(jnp.where(valid, advantage, -jnp.inf))
    count = jnp.maximum(valid.sum() // 2, 1)
    return valid & ~(advantage < ranked[advantage.size - count])


def _weigh(
    advantage: Float[Array, " M"],
    kept: Bool[Array, " M"],
    temperature: Float[Array, ""],
    bound: Float[Array, ""],
) -> tuple[Float[Array, " M"], Float[Array, ""]]:
    """Return ψ, through which no gradient flows, and L_η.

    The largest advantage is taken off before the division by η, so that neither the
    loss nor its gradient is the difference of two large numbers when η is small.
    """
    any_kept = kept.any()
    best = jnp.where(any_kept, jnp.max(jnp.where(kept, advantage, -jnp.inf)), 0.0)
    scaled = jnp.where(kept, advantage - best, 0.0) / temperature
    weights = jnp.where(kept, jnp.exp(scaled), 0.0)
    total = jnp.where(any_kept, weights.sum(), 1.0)
    log_mean = jnp.log(total) - jnp.log(jnp.maximum(kept.sum(), 1))
    loss = jnp.where(any_kept, temperature * (bound + log_mean) + best, 0.0)
    return jax.lax.stop_gradient(weights / total), loss


def _mean_of_rows(
    values: Float[Array, "M parts"], valid: Bool[Array, " M"]
) -> Float[Array, " parts"]:
    total = jnp.sum(jnp.where(valid[:, None], values, 0.0), axis=0)
    return total / jnp.maximum(valid.sum(), 1)
