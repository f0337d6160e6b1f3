"""What a script believes of a state is what the simulator judges of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.scripted import view
from allometry.environments.xland.scripted.truth import holds, sighted
from allometry.environments.xland.scripted.ways import Condition
from tests.environments.xland.scripted.arena import DIALS, XLAND, marks, room, task

HILLS = """
###########
#A..#...11#
#...#..>11#
#.P.....11#
#...#.B...#
#.........#
#111......#
#111<.Q...#
#111....C.#
#D........#
###########
"""
STEPS = 60


@pytest.fixture(scope="module")
def states() -> list:
    """States of players that do anything at all, for a while."""
    state, _ = jax.jit(XLAND.reset)(jax.random.key(3), task(HILLS))

    def advance(state, key):
        deed_key, step_key = jax.random.split(key)
        deeds = jax.random.randint(deed_key, (2, 6), 0, 3)
        deeds = deeds.at[:, 0].set(jnp.where(deeds[:, 0] == 2, 1, deeds[:, 0]))
        state, _ = XLAND.step(step_key, state, deeds)
        return state, state

    keys = jax.random.split(jax.random.key(4), STEPS)
    many = jax.device_get(jax.jit(lambda s: jax.lax.scan(advance, s, keys)[1])(state))
    return [jax.tree.map(lambda field, n=n: field[n], many) for n in range(STEPS)]


@pytest.mark.parametrize("predicate", range(6))
def test_conditions_hold_as_in_the_simulator(states: list, predicate: int) -> None:
    world = view.world(states[0].task, DIALS)
    on = predicate == 4
    same, true = [], 0
    for state in states:
        seen = view.view(state.bodies, state.players, state.time, state.trial)
        things = [int(k) for k in seen.kind[2:] if k >= 0]
        bodies = {thing: view.found(world, seen, thing)[0] for thing in things}
        bodies |= {DIALS.types: 0, DIALS.types + 1: 1}
        for a, first in bodies.items():
            for b, second in bodies.items() if not on else enumerate([first] * 4):
                if (a == b and not on) or not seen.exists[[first, second]].all():
                    continue
                if predicate == 3 and a < DIALS.types:
                    continue
                bit = 6 + b if on else predicate
                judged = bool(int(state.relations[first, second]) >> bit & 1)
                believed = holds(world, seen, Condition(predicate, a, b))
                same.append(judged == believed)
                true += judged
    assert true > 3
    # Lines that only just pass a corner are rounded either way.
    assert np.mean(same) >= (0.995 if predicate in (3, 5) else 1.0)


def test_a_thing_is_in_sight_but_for_walls_and_what_stands_before_it() -> None:
    drawn = room(("P", 2, 5), ("A", 8, 5), ("B", 5, 5), ("Q", 9, 2))
    drawn = drawn.replace("#.......#Q#", "#.......#.#")
    drawn = "\n".join(
        row[:6] + "#" + row[7:] if n in (2, 3) else row
        for n, row in enumerate(drawn.split("\n"))
    )
    assert not marks(drawn)
    written = task(drawn)
    world = view.world(written, DIALS)
    seen = view.start(world, written)
    cube = view.found(world, seen, 0)[0]
    clear = sighted(world, seen, (seen.at(cube), 0.0, cube), (0,))
    ground = world.ground
    for place, expected in [
        ((2.5, 5.5), False),
        ((2.5, 3.5), True),
        ((4.5, 9.5), False),
        ((7.5, 8.5), True),
    ]:
        assert clear[ground.nearest(place)] == expected, place
