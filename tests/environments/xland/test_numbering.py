"""Numbering: hidden things are numbered as a player meets them, and nothing leaks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.numbering import numbering
from allometry.environments.xland.told import tell
from allometry.environments.xland.views import language
from tests.environments.xland.views.written import (
    BLACK_CUBE,
    DIALS,
    GREEN_SLAB,
    HOLD,
    NEAR,
    PURPLE_SPHERE,
    SECOND,
    TOUCHING,
    YELLOW_CUBE,
    game,
)

RULES = [
    (NEAR, GREEN_SLAB, YELLOW_CUBE, [PURPLE_SPHERE]),
    (HOLD, SECOND, PURPLE_SPHERE, [GREEN_SLAB, BLACK_CUBE]),
    (NEAR, BLACK_CUBE, GREEN_SLAB, []),
]
KINDS = [(1, kind) for kind in (BLACK_CUBE, PURPLE_SPHERE, GREEN_SLAB)]


def hiding(**hidden):
    return game(rules=RULES, **hidden)


@pytest.mark.parametrize("module", [np, jnp])
def test_kinds_are_numbered_from_the_first_rule_to_the_last(module) -> None:
    played = jax.tree.map(module.asarray, hiding(hidden_kinds=KINDS))
    kinds, predicates = numbering(played, 1, DIALS)
    assert isinstance(kinds, np.ndarray if module is np else jax.Array)
    told = {kind: int(kinds[kind]) for _, kind in KINDS}
    assert told == {GREEN_SLAB: 1, PURPLE_SPHERE: 2, BLACK_CUBE: 3}
    assert int((kinds > 0).sum()) == 3
    assert not predicates.any()
    assert not numbering(played, 0, DIALS).kinds.any()


def test_a_rule_that_is_hidden_as_a_whole_is_not_read() -> None:
    played = hiding(hidden_kinds=KINDS, hidden_rules=[(1, 0)])
    kinds = numbering(played, 1, DIALS).kinds
    assert kinds[PURPLE_SPHERE] == 1
    assert kinds[GREEN_SLAB] == 2
    # What stands in hidden rules only has no number.
    played = hiding(hidden_kinds=KINDS, hidden_rules=[(1, n) for n in range(3)])
    assert not numbering(played, 1, DIALS).kinds.any()


def test_the_same_predicate_has_the_same_number() -> None:
    played = hiding(hidden_predicates=[(1, 0), (1, 1), (1, 2)])
    assert numbering(played, 1, DIALS).predicates.tolist() == [1, 2, 1]
    played = hiding(hidden_predicates=[(1, 1), (1, 2)])
    assert numbering(played, 1, DIALS).predicates.tolist() == [0, 1, 2]


def test_what_is_told_does_not_depend_on_which_things_are_hidden() -> None:
    """Swap two hidden kinds, and two hidden predicates, everywhere: all is told alike.

    A number that came of the kind itself would tell them apart.
    """
    swapped = {BLACK_CUBE: GREEN_SLAB, GREEN_SLAB: BLACK_CUBE}
    others = [(TOUCHING if predicate == NEAR else predicate) for predicate, *_ in RULES]
    rules = []
    for predicate, (_, a, b, made) in zip(others, RULES, strict=True):
        first, second, *left = (swapped.get(thing, thing) for thing in (a, b, *made))
        rules.append((predicate, first, second, left))
    hidden = {"hidden_kinds": KINDS, "hidden_predicates": [(1, 0), (1, 2)]}
    one, other = hiding(**hidden), game(rules=rules, **hidden)
    assert language.rules(one, DIALS, 1) == language.rules(other, DIALS, 1)
    assert language.rules(one, DIALS, 0) != language.rules(other, DIALS, 0)
    both = [jax.tree.map(jnp.asarray, each) for each in (one, other)]
    tables = [tell(each, DIALS).rules for each in both]
    assert np.array_equal(tables[0][1], tables[1][1])
    assert not np.array_equal(tables[0][0], tables[1][0])
