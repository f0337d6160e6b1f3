"""Views: each kind of observation is what its spec says, in the order of its fields."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import PRESETS, told
from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.told import tell
from allometry.environments.xland.views import entities, pixels, rays
from allometry.environments.xland.views.views import VIEWS
from tests.environments.xland.views import written
from tests.environments.xland.views.sight import RIGHT, observed, sight

DIALS = written.DIALS


@pytest.fixture(scope="module")
def seen():
    """Give what players see, by kind of observation."""
    standing = sight(
        players=[(2.5, 4.5, RIGHT)] * 3, objects=[(0, 4.5, 4.5)], dials=DIALS
    )
    played = jax.tree.map(
        jnp.asarray,
        written.game(
            goals=[[(written.HOLD, 0, written.FIRST, 0, 0)]] * 3, rules=written.RULES
        ),
    )
    tables = tell(played, DIALS)
    x, y = jnp.asarray(standing.bodies.x), jnp.asarray(standing.bodies.y)
    task = Task(standing.terrain, x, y, played, tables)
    found = {}
    for name, view in VIEWS.items():
        own = jax.tree.map(jnp.asarray, observed(view, standing, DIALS))
        found[name] = view.whole(DIALS, task, own)
    return found


@pytest.mark.parametrize("name", VIEWS)
def test_an_observation_is_what_its_spec_says(name: str, seen):
    spec, found = VIEWS[name].spec(DIALS), seen[name]
    assert type(found) is type(spec) is VIEWS[name].record
    for field, each in zip(spec._fields, spec, strict=True):
        array = np.asarray(getattr(found, field))
        assert array.shape == (DIALS.players, *each.shape), field
        assert array.dtype.name == each.dtype, field
        assert array.min() >= each.minimum
        assert array.max() <= each.maximum


def documented(module) -> dict[str, list[int]]:
    """Read the shapes in a module's table, without those that dials set."""
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", module.__doc__, re.MULTILINE)
    return {name: [int(n) for n in re.findall(r"\d+", shape)] for name, shape in rows}


@pytest.mark.parametrize(
    ("module", "fields"),
    [
        (entities, ["bodies", "floor"]),
        (rays, ["rays", "hand"]),
        (pixels, ["image"]),
        (told, ["goal", "rules", "self"]),
    ],
)
def test_the_layout_is_documented_as_it_is(module, fields: list[str]):
    spec, shown = module.spec(DIALS), documented(module)
    assert list(shown) == fields
    for field, shape in shown.items():
        there = getattr(spec, field).shape
        assert list(there[-len(shape) :]) == shape, field
        assert len(there) <= len(shape) + 1


def test_all_kinds_tell_the_same_of_time_and_of_the_game(seen):
    tables = seen["entities"]
    assert np.asarray(tables.goal).any()
    for name in ("rays", "pixels"):
        for field in ("goal", "rules", "self"):
            same = getattr(seen[name], field)
            assert np.array_equal(same, getattr(tables, field)), (name, field)
    for field in ("bodies", "floor", "self"):
        same = getattr(seen["language"], field)
        assert np.array_equal(same, getattr(tables, field)), field


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dials", PRESETS.values(), ids=PRESETS)
def test_every_preset_has_a_spec_of_every_kind(name: str, dials: Complexity):
    spec = VIEWS[name].spec(dials)
    empty = [
        field for field, each in zip(spec._fields, spec, strict=True) if not each.size
    ]
    assert empty == (["rules"] if dials.rules == 0 and name != "language" else [])
