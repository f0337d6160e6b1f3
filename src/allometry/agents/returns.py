"""Returns: what a trajectory says about values, for ONE trajectory; callers `vmap`.

Row t is one step: an action taken where the value was vₜ₋₁ gave rₜ and led to vₜ, which
is the value *before* any reset. Where an episode was truncated vₜ bootstraps, where it
terminated it counts 0; nothing is passed back over either.

A row may show how an episode ended and take no action. Callers pass it as truncated,
and leave out what comes of it, which means nothing. The row before it, whose step ended
the episode, carries the environment's own flag, so that no other row sees it.

Gradients flow through everything here; callers stop them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def discount_of_horizon(horizon: int | float) -> float:
    """Return γ = 1 − 2/(h + 1) for a horizon of h steps; 0 at h = 1.

    The weights γᵏ, k ≥ 0, then have their centre of mass at (h − 1)/2, as h equal
    weights have (Hilton, Tang, Schulman 2023, arXiv 2301.13442, their MNIST
    environment). Raises `ValueError` for h < 1.
    """
    if not horizon >= 1:
        raise ValueError(f"a horizon is at least 1 step, not {horizon}")
    return 1 - 2 / (horizon + 1)


def generalised_advantage(
    r_t: Float[Array, " T"],
    v_tm1: Float[Array, " T"],
    v_t: Float[Array, " T"],
    terminated_t: Bool[Array, " T"],
    truncated_t: Bool[Array, " T"],
    discount: Float[Array, ""],
    trace: Float[Array, ""],
) -> Float[Array, " T"]:
    """Estimate advantages by GAE(λ): Aₜ = δₜ + γλ Aₜ₊₁, δₜ = rₜ + γ vₜ − vₜ₋₁.

    `v_tm1` are the values before each step, `v_t` those of what the step led to,
    before any reset: where an episode was truncated they bootstrap, where it
    terminated they count 0. Source: Schulman et al. 2016, arXiv 1506.02438, eq. 16.
    """
    delta_t = r_t + discount * jnp.where(terminated_t, 0.0, v_t) - v_tm1
    carries_t = jnp.where(terminated_t | truncated_t, 0.0, discount * trace)
    return _accumulate(delta_t, carries_t)


class VTrace(NamedTuple):
    """What V-trace says of the values and of the actions of a trajectory."""

    target: Float[Array, " T"]
    advantage: Float[Array, " T"]


def vtrace(
    r_t: Float[Array, " T"],
    v_tm1: Float[Array, " T"],
    v_t: Float[Array, " T"],
    terminated_t: Bool[Array, " T"],
    truncated_t: Bool[Array, " T"],
    discount: Float[Array, ""],
    trace: Float[Array, ""],
    log_rho_tm1: Float[Array, " T"],
    rho_bar: float | Float[Array, ""] = 1.0,
    c_bar: float | Float[Array, ""] = 1.0,
) -> VTrace:
    """Estimate values and advantages of π from what another policy μ did.

    Targets are Gₜ₋₁ = vₜ₋₁ + eₜ with eₜ = ρₜδₜ + γcₜ eₜ₊₁ and δₜ = rₜ + γvₜ − vₜ₋₁,
    advantages Aₜ = ρₜ(δₜ + γλ eₜ₊₁), which at λ = 1 is ρₜ(rₜ + γGₜ − vₜ₋₁).
    `log_rho_tm1` is log π(a)/μ(a) of the actions taken; ρ = min(`rho_bar`, π/μ),
    c = λ min(`c_bar`, π/μ), and `rho_bar` is at least `c_bar`. On-policy A is GAE(λ)
    and G the λ-return. Source: Espeholt et al. 2018, arXiv 1802.01561, eq. 1,
    remark 2 and the policy gradient of section 4.2.
    """
    rho_tm1 = _clipped_ratio(log_rho_tm1, rho_bar)
    c_tm1 = _clipped_ratio(log_rho_tm1, c_bar)
    delta_t = r_t + discount * jnp.where(terminated_t, 0.0, v_t) - v_tm1
    carries_t = jnp.where(terminated_t | truncated_t, 0.0, discount * trace)
    errors_t = _accumulate(rho_tm1 * delta_t, carries_t * c_tm1)
    advantage = rho_tm1 * (delta_t + carries_t * _next(errors_t))
    return VTrace(v_tm1 + errors_t, advantage)


def retrace(
    r_t: Float[Array, " T"],
    q_tm1: Float[Array, " T"],
    v_t: Float[Array, " T"],
    terminated_t: Bool[Array, " T"],
    truncated_t: Bool[Array, " T"],
    discount: Float[Array, ""],
    trace: Float[Array, ""],
    log_rho_tm1: Float[Array, " T"],
) -> Float[Array, " T"]:
    """Estimate q of π for the actions that another policy μ took: Retrace(λ).

    Targets are Gₜ₋₁ = qₜ₋₁ + eₜ with eₜ = rₜ + γvₜ − qₜ₋₁ + γcₜ₊₁ eₜ₊₁ and
    c = λ min(1, π(a)/μ(a)): a row's own action is given, and only those after it are
    corrected for. `q_tm1` are of the actions taken, `v_t` the values Σ π q of what they
    led to, and `log_rho_tm1` is log π(a)/μ(a) of the actions taken. Source: Munos et
    al. 2016, arXiv 1606.02647, eq. 3 with the c of their Retrace(λ).
    """
    c_tm1 = trace * _clipped_ratio(log_rho_tm1, 1.0)
    delta_t = r_t + discount * jnp.where(terminated_t, 0.0, v_t) - q_tm1
    ended_t = terminated_t | truncated_t
    carries_t = jnp.where(ended_t, 0.0, discount * _next(c_tm1))
    return q_tm1 + _accumulate(delta_t, carries_t)


def _accumulate(
    errors_t: Float[Array, " T"], carries_t: Float[Array, " T"]
) -> Float[Array, " T"]:
    """Sum backwards: eₜ + cₜ(eₜ₊₁ + cₜ₊₁(eₜ₊₂ + …))."""

    def backward(
        sum_t: Array, step: tuple[Array, Array]
    ) -> tuple[Array, Float[Array, ""]]:
        error, carry = step
        sum_tm1 = error + carry * sum_t
        return sum_tm1, sum_tm1

    start = jnp.zeros_like(errors_t[0])
    return jax.lax.scan(backward, start, (errors_t, carries_t), reverse=True)[1]


def _next(values_t: Float[Array, " T"]) -> Float[Array, " T"]:
    """Give each row what the next one has, and the last row 0."""
    return jnp.append(values_t[1:], 0.0)


def _clipped_ratio(
    log_rho: Float[Array, " T"], bound: float | Float[Array, ""]
) -> Float[Array, " T"]:
    """Return min(bound, ρ), clipped in log space, where nothing overflows."""
    return jnp.exp(jnp.minimum(log_rho, jnp.log(bound)))
