"""Terrains by the thousand, against a walk over them that knows nothing of how."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from allometry.environments.xland.complexity import TERRAINS, preset
from allometry.environments.xland.tasks.topology import (
    Drawn,
    connected,
    generate,
    is_open,
    wall_height,
)
from allometry.environments.xland.terrain import (
    EAST,
    FLAT,
    NORTH,
    SOUTH,
    STEP,
    WEST,
    terrain_of,
)
from allometry.environments.xland.xland import XLand
from allometry.refusal import Refusal

SEEDS = 10_000
#: Where few are drawn, compiling is what takes long.
QUICK = {"xla_backend_optimization_level": 0}
WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))

#: What else an arena with two objects needs.
FEW = {"rules": 0, "chain": 0, "distractors": 0}


@functools.cache
def drawn(count=SEEDS, **turned):
    """Draw terrains of the default preset with some dials turned, on the host.

    They belong to the two splits by turns.
    """
    dials = preset("default", **turned)
    keys, sides = jax.random.split(jax.random.key(7), count), jnp.arange(count) % 2
    draw = jax.vmap(lambda key, side: generate(key, dials, side))
    options = {} if count == SEEDS else QUICK
    terrains = jax.jit(draw, compiler_options=options)(keys, sides)
    return dials, jax.tree.map(np.asarray, terrains)


def floor_at(terrain, i, j, x, y):
    """Give the floor of cells (i, j) at places within them, in [0, 1]."""
    rise = np.choose(terrain.ramp[..., i, j], [0 * x, x, 1 - x, y, 1 - y])
    return terrain.height[..., i, j] + rise


def walkable(terrain, dials):
    """List from which cell to which one can be walked, as pairs of cells' numbers.

    A body in the middle of the edge between two cells goes where the floor beyond is
    not more than a step above the one it stands on; it may fall. What is higher than
    all levels is no floor but a wall.
    """
    count, side, _ = terrain.height.shape
    inner = np.arange(1, side - 1)
    i, j = (part.ravel() for part in np.meshgrid(inner, inner, indexing="ij"))
    here = is_floor(terrain, dials)[:, i, j]
    number = np.arange(count)[:, None] * side**2 + i * side + j
    edges = []
    for dx, dy in WAYS:
        leaves = floor_at(terrain, i, j, *np.float64([0.5 + dx / 2, 0.5 + dy / 2]))
        comes = floor_at(
            terrain, i + dx, j + dy, *np.float64([0.5 - dx / 2, 0.5 - dy / 2])
        )
        there = is_floor(terrain, dials)[:, i + dx, j + dy]
        can = here & there & (comes - leaves <= STEP)
        edges.append((number[can], (number + dx * side + dy)[can]))
    return np.concatenate(edges, axis=1)


def is_floor(terrain, dials):
    return terrain.height <= dials.levels


def parts(terrain, dials):
    """Count the parts of each terrain's floor that can be walked to and back."""
    count, side, _ = terrain.height.shape
    rows, columns = walkable(terrain, dials)
    total = count * side**2
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), (total, total))
    _, label = connected_components(graph, directed=True, connection="strong")
    label = np.where(is_floor(terrain, dials), label.reshape(count, side, side), -1)
    return np.array([len(np.unique(one[one >= 0])) for one in label])


@pytest.mark.parametrize("kind", TERRAINS)
def test_every_open_cell_can_be_walked_to_and_back(kind):
    dials, terrain = drawn(terrain=kind)
    assert len(terrain.height) == SEEDS
    assert (parts(terrain, dials) == 1).all()


@pytest.mark.parametrize(
    "dials",
    [
        {"terrain": "walls", "density": 0.4},
        {"terrain": "mixed", "density": 0.4, "arena": 13, "levels": 4},
        {"terrain": "rooms", "arena": 17},
        {"terrain": "plateaus", "arena": 17, "levels": 5},
        {"terrain": "mixed", "arena": 6, "objects": 6},
    ],
)
def test_so_it_can_where_dials_are_far_out(dials):
    dials, terrain = drawn(500, **dials)
    assert (parts(terrain, dials) == 1).all()


def test_the_check_knows_a_terrain_that_is_not_connected():
    dials, terrain = drawn(terrain="empty")
    one = jax.tree.map(lambda field: field[:1].copy(), terrain)
    one.height[0, 5, 1:-1] = wall_height(dials)
    assert parts(one, dials) == [2]
    one.height[0, 5, 3] = 0
    assert parts(one, dials) == [1]
    # A plateau without a ramp can be fallen from, not climbed.
    one.height[0, 8:, 1:-1] = 1
    one.height[0, -1] = wall_height(dials)
    assert parts(one, dials) > [1]


@pytest.mark.slow
def test_where_a_step_can_be_walked_a_player_walks_it():
    dials, terrain = drawn(terrain="mixed")
    chance = np.random.default_rng(0)
    rows, columns = walkable(terrain, dials)
    chosen = chance.choice(len(rows), 4096, replace=False)
    side = dials.arena + 2
    seed, i, j = np.unravel_index(rows[chosen], (SEEDS, side, side))
    _, to_i, to_j = np.unravel_index(columns[chosen], (SEEDS, side, side))
    environment = XLand(dials)
    task = jax.jit(environment.sample_task)(jax.random.key(0))
    action = jnp.array([[1, 0, 0, 0, 0, 0]])  # forwards

    def walk(terrain, x, y, heading):
        """Say in which cells a player is that walks on for two seconds."""
        here = task._replace(terrain=terrain, x=task.x.at[0].set(x))
        here = here._replace(y=here.y.at[0].set(y))
        state, _ = environment.reset(jax.random.key(0), here)
        alone = jnp.arange(dials.bodies) == 0
        state = state._replace(
            bodies=state.bodies._replace(exists=alone),
            players=state.players._replace(heading=heading[None]),
        )

        def step(state, _):
            state, _ = environment.step(jax.random.key(0), state, action)
            return state, (jnp.floor(state.bodies.x[0]), jnp.floor(state.bodies.y[0]))

        return jax.lax.scan(step, state, None, length=15)[1]

    x, y = jax.jit(jax.vmap(walk))(
        jax.tree.map(lambda field: jnp.asarray(field[seed]), terrain),
        jnp.float32(i + 0.5),
        jnp.float32(j + 0.5),
        jnp.float32(np.arctan2(to_j - j, to_i - i)),
    )
    came = (x == to_i[:, None]) & (y == to_j[:, None])
    assert came.any(1).all()
    climbed = terrain.ramp[seed, i, j] != terrain.ramp[seed, to_i, to_j]
    assert climbed.sum() > 100


@pytest.mark.parametrize("kind", TERRAINS)
def test_a_ring_of_wall_surrounds_at_least_half_of_the_arena(kind):
    dials, terrain = drawn(terrain=kind)
    ring = np.ones(terrain.height.shape[1:], bool)
    ring[1:-1, 1:-1] = False
    assert (terrain.height[:, ring] == wall_height(dials)).all()
    assert terrain.height.shape[1:] == (dials.arena + 2,) * 2
    assert (is_floor(terrain, dials).sum((1, 2)) >= dials.arena**2 // 2).all()
    one = jax.tree.map(lambda field: jnp.asarray(field[0]), terrain)
    assert np.array_equal(is_open(one, dials), is_floor(terrain, dials)[0])
    assert (terrain.ramp[terrain.height > dials.levels] == FLAT).all()


def test_the_highest_walls_fit_the_byte_of_a_cell():
    dials, terrain = drawn(500, terrain="plateaus", arena=17, levels=5)
    with pytest.raises(Refusal, match=r"levels is 6: give a whole number from 0 to 5"):
        preset("default", arena=17, levels=6)
    terrain = jax.tree.map(jnp.asarray, terrain)
    assert terrain.height.max() == wall_height(dials) == 7
    assert np.array_equal(terrain_of(terrain.land()).height, terrain.height)


def test_a_ramp_leads_from_one_level_to_the_next():
    _, terrain = drawn(terrain="plateaus")
    for code, (dx, dy) in zip((EAST, WEST, NORTH, SOUTH), WAYS, strict=True):
        seed, i, j = np.nonzero(terrain.ramp == code)
        assert len(seed) > 1000
        height = terrain.height[seed, i, j]
        # What a ramp rises from may be another ramp's side, or have been cut off.
        assert (terrain.height[seed, i + dx, j + dy] == height + 1).mean() > 0.99
        assert (terrain.height[seed, i - dx, j - dy] == height).mean() > 0.99


def test_plateaus_are_as_high_as_the_levels_and_a_ramp_leads_up():
    for count, levels, least in ((SEEDS, 2, 0.99), (500, 4, 0.95)):
        dials, terrain = drawn(count, terrain="plateaus", levels=levels)
        # All open cells can be walked to: so can the highest.
        top = np.where(is_floor(terrain, dials), terrain.height, 0).max((1, 2))
        assert top.max() == levels
        assert (top == levels).mean() > least
        assert ((terrain.ramp != FLAT).sum((1, 2)) >= levels).mean() > least


def rooms(terrain, dials):
    """Count the parts of each floor that are left when doors are shut."""
    is_wall = ~is_floor(terrain, dials)[:, 1:-1, 1:-1]
    padded = np.pad(is_wall, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    door = padded[:, 2:, 1:-1] & padded[:, :-2, 1:-1]
    door |= padded[:, 1:-1, 2:] & padded[:, 1:-1, :-2]
    shut = terrain._replace(height=terrain.height.copy())
    shut.height[:, 1:-1, 1:-1][door] = wall_height(dials)
    return parts(shut, dials)


def test_there_are_two_rooms_or_more_and_of_many_plans():
    dials, terrain = drawn(terrain="rooms")
    count = rooms(terrain, dials)
    assert (count >= 2).mean() > 0.99
    # One or two walls one way, none to two the other.
    assert np.bincount(count)[[2, 3, 4, 6, 9]].min() > 0.05 * SEEDS
    plans = {one.tobytes() for one in terrain.height}
    assert len(plans) > 0.4 * SEEDS


def test_larger_arenas_have_more_rooms():
    few = rooms(*drawn(terrain="rooms")[::-1]).mean()
    many = rooms(*drawn(500, terrain="rooms", arena=17)[::-1]).mean()
    assert many > 2 * few


def bare(terrain):
    inner = terrain.height[:, 1:-1, 1:-1]
    return (inner == 0).all((1, 2)) & (terrain.ramp == FLAT).all((1, 2))


def test_a_terrain_is_hardly_ever_given_up():
    assert bare(drawn(terrain="empty")[1]).all()
    for kind in ("rooms", "plateaus", "walls"):
        assert bare(drawn(terrain=kind)[1]).mean() < 0.001
    # One in six of the mixed ones is drawn without walls and hills.
    assert bare(drawn(terrain="mixed")[1]).mean() < 1 / 6 + 0.02
    assert bare(drawn(500, terrain="walls", density=0.4)[1]).mean() < 0.1


def test_scattered_walls_take_their_share_everywhere():
    dials, terrain = drawn(terrain="walls")
    wall = ~is_floor(terrain, dials)[:, 1:-1, 1:-1]
    assert abs(wall.mean() - dials.density) < 0.02
    assert wall.mean(0).min() > 0.08
    assert wall.mean(0).max() < 0.3
    assert len({one.tobytes() for one in wall}) > 0.99 * SEEDS


def test_more_density_is_more_wall():
    shares = []
    for density, count in ((0.0, 500), (0.15, SEEDS), (0.4, 500)):
        turned = {} if density == 0.15 else {"density": density}
        dials, terrain = drawn(count, terrain="walls", **turned)
        shares.append(1 - is_floor(terrain, dials)[:, 1:-1, 1:-1].mean())
    # One wall is there for the split, in every second arena.
    assert shares[0] == pytest.approx(0.5 / dials.arena**2)
    assert np.diff(shares).min() > 0.1


def test_mixed_terrains_have_walls_rooms_and_hills_together():
    dials, terrain = drawn(terrain="mixed")
    # One wall alone is there for the split.
    wall = (~is_floor(terrain, dials)[:, 1:-1, 1:-1]).sum((1, 2)) > 1
    hill = (terrain.ramp != FLAT).any((1, 2))
    for share, expected in (
        ((wall & hill).mean(), 2 / 6),
        ((wall & ~hill).mean(), 2 / 6),
        ((~wall & hill).mean(), 1 / 6),
    ):
        assert abs(share - expected) < 0.05


@pytest.mark.parametrize("kind", TERRAINS)
def test_no_topology_is_in_both_splits_where_arenas_are_not_all_empty(kind):
    _, terrain = drawn(terrain=kind)
    seen = [set(), set()]
    for number, (height, ramp) in enumerate(
        zip(terrain.height, terrain.ramp, strict=True)
    ):
        seen[number % 2].add(height.tobytes() + ramp.tobytes())
    if kind == "empty":
        assert seen[0] == seen[1]
        assert len(seen[0]) == 1
    else:
        assert not seen[0] & seen[1]
        assert min(map(len, seen)) > 1000


def test_no_topology_of_the_smallest_arenas_is_in_both_splits():
    _, terrain = drawn(4000, arena=4, levels=1, objects=2, **FEW)
    whole = [a.tobytes() + b.tobytes() for a, b in zip(*terrain[:2], strict=True)]
    assert not set(whole[::2]) & set(whole[1::2])


def test_every_colour_is_somewhere_to_stand_on():
    for kind in TERRAINS:
        dials, terrain = drawn(terrain=kind)
        flat = is_floor(terrain, dials) & (terrain.ramp == FLAT)
        for colour in (1, 2, 3):
            assert ((terrain.colour == colour) & flat).any((1, 2)).all()
        assert (terrain.colour[~is_floor(terrain, dials)] == 0).all()
        assert 0.5 < (terrain.colour[is_floor(terrain, dials)] == 0).mean() < 0.8


def test_what_is_cut_off_becomes_wall_and_what_is_hardly_cut_off_is_opened():
    connect = jax.jit(connected)
    wall = np.zeros((6, 6), bool)
    wall[2:4] = True  # two cells thick
    wall[4:, 2:] = True
    flat = jnp.zeros((6, 6), int)
    found = connect(Drawn(flat, flat, jnp.asarray(wall)))
    assert not found.wall.any()  # 12 of 36 cells are too few: given up for an empty one
    wall = np.zeros((6, 6), bool)
    wall[4] = True  # one cell thick: opened
    found = connect(Drawn(flat, flat, jnp.asarray(wall)))
    assert not found.wall.any()
    wall[3] = True  # two cells thick: the row beyond is cut off
    found = connect(Drawn(flat, flat, jnp.asarray(wall)))
    assert found.wall[3:].all()
    assert not found.wall[:3].any()
