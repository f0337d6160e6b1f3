"""Pixels: what is where in the picture, and how it compares with a slow painter's."""

import numpy as np
import pytest

from allometry.environments.xland.relation import EYE, HALF_VIEW
from allometry.environments.xland.views import pixels, sprites
from allometry.environments.xland.views.pixels import (
    FLOOR_PAINTS,
    LEDGE_PAINT,
    WALL_PAINT,
)
from allometry.environments.xland.views.screen import COLUMNS, HORIZON, LEFTWARDS, ROWS
from allometry.environments.xland.views.sprites import ICE, OBJECTS, PLAYERS, VISOR
from tests.environments.xland.views.sight import (
    DIALS,
    LEFT,
    RIGHT,
    UP,
    WALL,
    copies_seen,
    drawn,
    height,
    kind,
    observed,
    row,
    sight,
)

SCALE = COLUMNS / (2 * HALF_VIEW)
BLACK, PURPLE, YELLOW, GREEN = range(4)
CUBE, SPHERE, PYRAMID, SLAB = range(4)


def picture(seen, player: int = 0) -> np.ndarray:
    return observed(pixels, seen)[0][player]


def rgb(paint: int) -> np.ndarray:
    return np.array([paint & 255, paint >> 8 & 255, paint >> 16 & 255])


def of_hue(image: np.ndarray, paint: int, within: float = 0.03) -> np.ndarray:
    """Say which pixels are a paint in some light, `[72, 96]`."""
    colours, wanted = image.astype(float), rgb(paint).astype(float)
    norm = np.linalg.norm(colours, axis=-1) * np.linalg.norm(wanted)
    return (colours @ wanted) / np.maximum(norm, 1e-6) > 1 - within**2


def test_a_wall_ahead_stands_from_its_foot_to_its_top_and_sky_is_over_it():
    image = picture(sight(players=[(2.0, 4.5, RIGHT)]))
    middle = of_hue(image, WALL_PAINT)[:, COLUMNS // 2]
    rows = np.arange(ROWS) + 0.5
    rise = (HORIZON - rows) / SCALE
    ahead = 6.0 / np.cos(LEFTWARDS[COLUMNS // 2])
    expected = (rise < (WALL - EYE) / ahead) & (rise > -EYE / ahead)
    assert (middle == expected).mean() > 0.97
    # The sky is blue, and lighter at the horizon.
    assert (image[0, :, 2] > image[0, :, 0]).all()
    assert not of_hue(image, WALL_PAINT)[0, COLUMNS // 2]


@pytest.mark.parametrize("colour", range(4))
@pytest.mark.parametrize("shape", range(4))
def test_an_object_has_its_paint_place_and_size(shape: int, colour: int):
    # 1.5 m ahead and 0.5 m to the left.
    seen = sight(players=[(2.5, 4.5, RIGHT)], objects=[(kind(shape, colour), 4.0, 5.0)])
    # The other player stands aside, where there is no object of the same paint.
    without = picture(sight(players=[(2.5, 4.5, RIGHT)]))
    changed = (picture(seen) != without).any(-1)
    columns, rows = np.flatnonzero(changed.any(0)), np.flatnonzero(changed.any(1))
    left, far = np.arctan2(0.5, 1.5), np.hypot(0.5, 1.5)
    assert columns.mean() == pytest.approx(COLUMNS / 2 - 0.5 - left * SCALE, abs=1.0)
    wide = 2 * sprites._HALF[shape] / far * SCALE
    assert len(columns) == pytest.approx(wide, abs=2)
    assert rows[-1] == pytest.approx(HORIZON + EYE / far * SCALE, abs=1.5)
    tall = {CUBE: 0.5, SPHERE: 0.5, PYRAMID: 0.55, SLAB: 0.3}[shape]
    assert len(rows) == pytest.approx(tall / far * SCALE, abs=2)
    paint = list(OBJECTS.values())[colour]
    assert of_hue(picture(seen), paint, 0.12)[changed].mean() > 0.6


def test_shapes_differ_in_outline():
    def outline(shape):
        here = sight(players=[(2.5, 4.5, RIGHT)], objects=[(kind(shape, 2), 3.6, 4.5)])
        empty = sight(players=[(2.5, 4.5, RIGHT)])
        changed = (picture(here) != picture(empty)).any(-1)
        columns = np.flatnonzero(changed.any(0))
        return changed[:, columns].sum(0)

    cube, sphere, pyramid, slab = map(outline, range(4))
    assert cube.min() == cube.max()
    assert slab.min() == slab.max() < 0.7 * cube[0]
    # A pyramid rises to its middle and falls again, straight; a sphere is round.
    top = pyramid.argmax()
    assert (np.diff(pyramid[: top + 1]) >= 0).all()
    assert (np.diff(pyramid[top:]) <= 0).all()
    assert pyramid[0] <= 2
    quarter = len(sphere) // 4
    assert sphere[quarter] / sphere.max() == pytest.approx(np.sqrt(0.75), abs=0.12)
    assert pyramid[len(pyramid) // 4] / pyramid.max() == pytest.approx(0.5, abs=0.12)


def test_the_nearer_of_two_hides_the_farther():
    both = [(kind(CUBE, GREEN), 5.0, 4.5), (kind(CUBE, YELLOW), 3.5, 4.5)]
    image = picture(sight(players=[(2.5, 4.5, RIGHT)], objects=both))
    assert not of_hue(image, OBJECTS["green"]).any()
    assert of_hue(image, OBJECTS["yellow"]).any()
    image = picture(sight(players=[(6.5, 4.5, LEFT)], objects=both))
    assert of_hue(image, OBJECTS["green"]).any()
    assert not of_hue(image, OBJECTS["yellow"]).any()


def test_a_wall_hides_and_a_ledge_hides_what_is_below_its_edge():
    cube = [(kind(CUBE, GREEN), 4.5, 4.5)]
    walled = picture(sight(row("..#...."), players=[(2.3, 4.5, RIGHT)], objects=cube))
    assert not of_hue(walled, OBJECTS["green"]).any()
    open_ = picture(sight(players=[(2.5, 4.5, RIGHT)], objects=cube))
    up = picture(sight(row("...1..."), players=[(2.5, 4.5, RIGHT)], objects=cube))
    seen_open, seen_up = (of_hue(i, OBJECTS["green"]) for i in (open_, up))
    # The edge, 1.5 m off, rises 0.6 m over the eye; the cube, 2 m off, 1.1 m.
    assert 0 < seen_up.any(1).sum() < seen_open.any(1).sum()
    edge = HORIZON - 0.6 / 1.5 * SCALE
    assert np.flatnonzero(seen_up.any(1)).max() == pytest.approx(edge, abs=1.5)


def test_what_i_hold_is_in_my_hands_and_hides_nothing():
    objects = [(kind(CUBE, GREEN), 3.0, 4.5), (kind(SPHERE, YELLOW), 4.5, 4.5)]
    player = [(2.5, 4.5, RIGHT)]
    holding = picture(sight(players=player, objects=objects, held={0: 0}))
    free = picture(sight(players=player, objects=objects))
    held = of_hue(holding, OBJECTS["green"])
    assert np.flatnonzero(held.any(1)).min() > HORIZON + 15
    assert of_hue(holding, OBJECTS["yellow"]).sum() > 30
    assert not of_hue(free, OBJECTS["yellow"]).any()
    hands = of_hue(holding, PLAYERS[0])
    assert hands[-1].sum() >= 8
    assert not of_hue(free, PLAYERS[0]).any()
    # They are on both sides of it.
    columns = np.flatnonzero(hands.any(0)), np.flatnonzero(held.any(0))
    assert columns[0].min() < columns[1].min() < columns[1].max() < columns[0].max()


def test_another_player_has_its_paint_and_shows_where_it_looks():
    def facing(heading):
        return picture(sight(players=[(2.5, 4.5, RIGHT), (4.5, 4.5, heading)]))

    for heading in (LEFT, UP, RIGHT):
        assert of_hue(facing(heading), PLAYERS[1]).sum() > 60
    visor = [
        (facing(heading) == rgb(VISOR)).all(-1) for heading in (LEFT, LEFT - 0.8, RIGHT)
    ]
    assert visor[0].sum() > visor[1].sum() > 0
    assert not visor[2].any()
    # Turned towards the map's top, which lies to my left.
    assert np.nonzero(visor[1])[1].mean() < np.nonzero(visor[0])[1].mean()


def test_what_cannot_move_stands_on_ice():
    both = [(2.5, 4.5, RIGHT), (4.5, 4.5, LEFT)]

    def ice(**given):
        return (picture(sight(players=both, **given)) == rgb(ICE)).all(-1).sum()

    assert ice() == 0
    assert ice(tagged=(0, 3)) > 10
    assert ice(tagged=(3, 0)) == 0
    cube = [(kind(CUBE, GREEN), 3.5, 5.2)]
    assert ice(objects=cube) == 0
    assert ice(objects=cube, frozen=[0]) > 10


#: What a slow painter tells apart, and its paints.
SKY, FLOORS, LEDGES, WALLS = -1, range(8), 8, 9
PAINTS = np.array(
    [rgb(paint) for paint in (*FLOOR_PAINTS, LEDGE_PAINT, WALL_PAINT)], float
)


def test_the_ground_is_as_a_slow_painter_has_it():
    right = total = 0
    painted = set()
    for seed in range(12):
        seen = drawn(seed)
        bare = seen._replace(bodies=seen.bodies._replace(exists=np.zeros(6, bool)))
        expected = slowly(bare)
        found = named(picture(bare))
        right += (found == expected).sum()
        total += found.size
        painted |= set(expected.ravel().tolist())
    assert painted == {SKY, *FLOORS, LEDGES, WALLS}
    assert right / total > 0.985


def named(image: np.ndarray) -> np.ndarray:
    """Name every pixel's paint, whatever its light."""
    share = np.clip(np.arange(ROWS) / HORIZON, 0, 1)[:, None]
    sky = np.round(pixels._SKY[0] + share * np.subtract(pixels._SKY[1], pixels._SKY[0]))
    colours = image / np.linalg.norm(image, axis=-1, keepdims=True)
    paints = PAINTS / np.linalg.norm(PAINTS, axis=-1, keepdims=True)
    nearest = (colours[:, :, None] * paints).sum(-1).argmax(-1)
    return np.where((image == sky[:, None]).all(-1), SKY, nearest)


def slowly(seen) -> np.ndarray:
    """Name every pixel's paint, walking along its line until that meets a floor."""
    far = np.arange(0.004, 13.0, 0.004)
    rise = (HORIZON - 0.5 - np.arange(ROWS)) / SCALE
    eye = seen.bodies.height[0] + EYE
    found = np.full((ROWS, COLUMNS), SKY)
    for column, left in enumerate(LEFTWARDS):
        angle = seen.players.heading[0] + left
        x = seen.bodies.x[0] + far * np.cos(angle)
        y = seen.bodies.y[0] + far * np.sin(angle)
        under = height(seen.terrain, x, y)
        meets = under >= eye + rise[:, None] * far
        first = meets.argmax(1)
        cells = np.clip(np.floor([x, y]).astype(int), 0, len(seen.terrain.height) - 1)
        level, ramp, colour = (field[tuple(cells)] for field in seen.terrain)
        above = under[np.maximum(first - 1, 0)] < eye + rise * far[first] - 0.02
        face = np.where(level[first] >= WALL, WALLS, LEDGES)
        floor = colour[first] + 4 * (ramp[first] != 0)
        hit = np.where(above, face, floor)
        found[:, column] = np.where(meets.any(1), hit, SKY)
    return found


def test_a_batch_is_what_each_copy_sees_alone():
    seen = [drawn(seed) for seed in range(3)]
    together = copies_seen(pixels, seen)
    spec = pixels.spec(DIALS)
    assert together[0].shape == (3, DIALS.players, *spec.image.shape)
    assert together[0].dtype.name == spec.image.dtype == "uint8"
    for number, one in enumerate(seen):
        for whole, alone in zip(together, observed(pixels, one), strict=True):
            assert np.array_equal(whole[number], alone)
