"""Returns: what a trajectory says about values, for ONE trajectory; callers `vmap`."""

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

    def backward(
        advantage: Array, step: tuple[Array, Array]
    ) -> tuple[Array, Float[Array, ""]]:
        delta, carry = step
        advantage = delta + carry * advantage
        return advantage, advantage

    start = jnp.zeros_like(r_t[0])
    return jax.lax.scan(backward, start, (delta_t, carries_t), reverse=True)[1]
