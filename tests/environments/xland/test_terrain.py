import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.bodies import PLAYER_RADIUS
from allometry.environments.xland.terrain import (
    EAST,
    FLAT,
    NORTH,
    SOUTH,
    STEP,
    WEST,
    Terrain,
    cell,
    colour_in,
    floor,
    floor_in,
    level_in,
    terrain_of,
)


@pytest.fixture
def land():
    """Cells of side 4: a ramp at (1, 1), a flat of height 2 at (2, 1), else ground."""

    def build(ramp):
        height = jnp.zeros((4, 4), jnp.int8).at[2, 1].set(2).at[1, 1].set(1)
        codes = jnp.full((4, 4), FLAT, jnp.int8).at[1, 1].set(ramp)
        return Terrain(height, codes, jnp.zeros((4, 4), jnp.int8).at[2, 1].set(3))

    return build


@pytest.mark.parametrize(
    ("ramp", "rise"),
    [
        (FLAT, lambda x, y: 0 * x),
        (EAST, lambda x, y: x - 1),
        (WEST, lambda x, y: 2 - x),
        (NORTH, lambda x, y: y - 1),
        (SOUTH, lambda x, y: 2 - y),
    ],
)
def test_a_ramp_rises_by_one_metre_along_its_way(land, ramp, rise):
    x, y = (side.ravel() for side in np.meshgrid(*[np.linspace(1.0, 1.99, 12)] * 2))
    heights = floor(land(ramp).land(), (jnp.float32(x), jnp.float32(y)))
    assert np.allclose(heights, 1 + rise(x, y), atol=1e-6)


def test_a_place_is_in_the_cell_below_and_left_of_it(land):
    x, y = jnp.array([1.0, 1.999, 2.0, 0.5]), jnp.array([1.0, 1.0, 1.999, 3.5])
    column, row = cell(land(FLAT).land(), (x, y))
    assert column.tolist() == [1, 1, 2, 0]
    assert row.tolist() == [1, 1, 1, 3]


def test_a_place_outside_is_in_the_ring(land):
    x, y = jnp.array([-3.0, 9.0]), jnp.array([1.5, 9.0])
    column, row = cell(land(FLAT).land(), (x, y))
    assert column.tolist() == [0, 3]
    assert row.tolist() == [1, 3]


def test_a_cells_byte_holds_its_height_its_ramp_and_its_colour():
    height, ramp, colour = np.meshgrid(range(8), range(5), range(4), indexing="ij")
    fields = (height, ramp, colour)
    terrain = Terrain(*(jnp.int8(field.reshape(10, 4, 4)) for field in fields))
    back = terrain_of(terrain.land())
    for before, after in zip(terrain, back, strict=True):
        assert np.array_equal(before, after)


def test_height_and_colour_are_looked_up_together(land):
    place = jnp.array([2.5]), jnp.array([1.5])
    code, height = floor_in(land(EAST).land(), place)
    assert colour_in(code).tolist() == [3]
    assert level_in(code).tolist() == [2]
    assert height.tolist() == [2.0]


def test_a_player_can_leave_a_ramp_at_its_top():
    # On a ramp it comes within its radius of the top, and steps up from there.
    assert STEP > PLAYER_RADIUS
    # And no ramp's side is a way up but near its foot.
    assert STEP < 0.5
