"""Physics that stays sound, whatever players do: a million random steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import Complexity, XLand
from allometry.environments.xland.bodies import DT, GRAVITY, mass
from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import STEP, floor
from tests.environments.xland.scene import BLACK_CUBE, STAY, XLAND, act, scene

COPIES, STEPS = 1024, 1000
LIVELY = XLand(
    Complexity(
        arena=7, levels=2, objects=7, shapes=4, colours=2, players=2, frozen=0.2,
        predicates=PREDICATES[:3], rules=2, chain=1, hidden=0.0, duration=10_000,
    )
)  # fmt: skip


@functools.partial(jax.jit, static_argnums=2)
def played(state, key, steps):
    """Play random steps; count what must never be, after each."""
    dials = LIVELY.dials

    def step(state, key):
        action_key, step_key = jax.random.split(key)
        action = jax.random.randint(action_key, (COPIES, dials.players, 6), 0, 3)
        keys = jax.random.split(step_key, COPIES)
        state, _ = jax.vmap(LIVELY.step)(keys, state, action)
        return state, faults(state)

    state, found = jax.lax.scan(step, state, jax.random.split(key, steps))
    return state, jax.tree.map(jnp.sum, found)


def faults(state):
    dials, bodies = LIVELY.dials, state.bodies
    land = state.task.terrain.land()
    under = jax.vmap(floor)(land, bodies.place)
    numbers = jnp.stack(bodies[:6])
    low, high = 1.0, dials.arena + 1.0
    outside = (
        (bodies.x < low) | (bodies.x > high) | (bodies.y < low) | (bodies.y > high)
    )
    fast = jnp.hypot(bodies.u, bodies.v) > 4.6
    there = bodies.exists
    return {
        "not finite": ~jnp.isfinite(numbers),
        "outside": outside & there,
        "in a wall": (under > bodies.height + STEP + 1e-3) & there,
        "on a wall": (bodies.height >= wall_height(dials) - 1e-3) & there,
        "too fast": fast & there,
        "held by nobody": (bodies.holder >= dials.players),
    }


@pytest.fixture(scope="module")
def tired():
    """Give the state after a million random steps, and what went wrong on the way."""
    keys = jax.random.split(jax.random.key(0), 2 * COPIES)
    tasks = jax.jit(jax.vmap(LIVELY.sample_task))(keys[:COPIES])
    state, _ = jax.jit(jax.vmap(LIVELY.reset))(keys[COPIES:], tasks)
    return played(state, jax.random.key(1), STEPS)


def test_nothing_breaks_in_a_million_random_steps(tired):
    _, found = tired
    assert COPIES * STEPS >= 10**6
    assert {name: int(count) for name, count in found.items()} == dict.fromkeys(
        found, 0
    )


def energy(state):
    bodies = state.bodies
    heavy = mass(bodies.kind, LIVELY.dials.colours) * bodies.exists
    fast = bodies.u**2 + bodies.v**2 + bodies.climb**2
    return (heavy * (fast / 2 + GRAVITY * bodies.height)).sum(-1)


def test_energy_does_not_grow_without_input(tired):
    state, _ = tired
    kick = jax.random.normal(jax.random.key(2), (2, *state.bodies.x.shape)) * 2
    inert = state.task.game.rules._replace(
        active=jnp.zeros_like(state.task.game.rules.active)
    )
    task = state.task._replace(game=state.task.game._replace(rules=inert))
    held = state.bodies.holder >= 0
    bodies = state.bodies._replace(
        u=jnp.where(held, 0.0, kick[0]), v=jnp.where(held, 0.0, kick[1])
    )
    # A frozen body has no speed to lose: the kick is not its own.
    still = bodies.frozen | ~bodies.exists
    bodies = bodies._replace(
        u=jnp.where(still, 0.0, bodies.u), v=jnp.where(still, 0.0, bodies.v)
    )
    state = state._replace(task=task, bodies=bodies)

    def step(state, key):
        action = jnp.zeros((COPIES, LIVELY.dials.players, 6), jnp.int32)
        after, _ = jax.vmap(LIVELY.step)(jax.random.split(key, COPIES), state, action)
        # What is carried up a ramp by its speed alone gains height for nothing: ramps
        # turn no speed into height (2.5 dimensions), so that only flat ground counts.
        flat = (after.bodies.height == state.bodies.height).all(-1)
        return after, jnp.where(flat, energy(after) - energy(state), -jnp.inf)

    keys = jax.random.split(jax.random.key(3), 40)
    _, gained = jax.jit(lambda s: jax.lax.scan(step, s, keys))(state)
    assert np.isfinite(gained).mean() > 0.3
    assert float(gained.max()) < 1e-3


def test_what_falls_gains_the_speed_that_gravity_gives():
    rows = ("...1111",) * 7
    state = scene(rows, objects=[(0, 4.05, 4.5)])
    assert state.bodies.height[2] == 1.0
    # Pushed over the edge by hand: it falls by semi-implicit Euler.
    over = state.bodies._replace(x=state.bodies.x.at[2].set(3.7))
    state, _ = act(state._replace(bodies=over), STAY)
    steps = np.arange(1, 3)
    assert float(state.bodies.height[2]) == pytest.approx(
        1.0 - GRAVITY * DT**2 * steps.sum(), abs=1e-5
    )


def test_two_bodies_that_meet_keep_their_momentum_and_part():
    state = scene(objects=[(0, 3.0, 5.5), (2, 3.9, 5.5)])
    fast = state.bodies._replace(u=state.bodies.u.at[2].set(3.0))
    heavy = mass(fast.kind, XLAND.dials.colours)
    state = state._replace(bodies=fast)
    for _ in range(12):
        state, _ = act(state, STAY)
        gap = float(state.bodies.x[3] - state.bodies.x[2])
        assert gap > 0.4 - 0.11
    assert gap == pytest.approx(0.4, abs=0.2)
    # Friction takes the same share of every speed: what is shared out stays whole.
    moved = heavy[2] * (state.bodies.x[2] - 3.0) + heavy[3] * (state.bodies.x[3] - 3.9)
    alone, _ = act(scene(objects=[(0, 3.0, 5.5)])._replace(), STAY)
    lone = alone._replace(bodies=alone.bodies._replace(u=alone.bodies.u.at[2].set(3.0)))
    lone, _ = act(lone, *[STAY] * 12)
    assert float(moved) == pytest.approx(
        float(heavy[2] * (lone.bodies.x[2] - 3.0)), rel=0.15
    )


def test_bodies_in_one_place_part():
    spot = [(BLACK_CUBE, 4.5, 4.5)] * 3
    state, _ = act(scene(objects=spot), *[STAY] * 20)
    x, y = (np.asarray(side)[2:5] for side in state.bodies.place)
    apart = np.hypot(x[:, None] - x, y[:, None] - y)[np.triu_indices(3, 1)]
    assert apart.min() > 0.35
