import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.action import DEEDS, Intent, intend

STAND = Intent(*([0.0] * 3), False, False, 0.0, False, False)
#: What each deed is, in the order of the table of the spaces.
TWELVE = [
    STAND,
    STAND._replace(move=1.0),
    STAND._replace(move=-1.0),
    STAND._replace(strafe=1.0),
    STAND._replace(strafe=-1.0),
    STAND._replace(turn=1.0),
    STAND._replace(turn=-1.0),
    STAND._replace(grab=True),
    STAND._replace(drop=True),
    STAND._replace(throw=0.5),
    STAND._replace(throw=1.0),
    STAND._replace(tag=True),
]
SIX = [TWELVE[number] for number in (0, 1, 5, 6, 7, 8)]


@pytest.mark.parametrize(("space", "deeds"), [("discrete", TWELVE), ("simple", SIX)])
def test_each_number_is_one_deed(space: str, deeds: list[Intent]) -> None:
    intent = intend(space, jnp.arange(len(deeds)))
    for field in Intent._fields:
        expected = [getattr(deed, field) for deed in deeds]
        np.testing.assert_array_equal(getattr(intent, field), expected)


@pytest.mark.parametrize("space", DEEDS)
def test_the_spaces_mean_the_same(space: str) -> None:
    """One deed at a time, as factored and, but for what is soft, as continuous."""
    for number, deed in enumerate(DEEDS[space]):
        one = intend(space, jnp.array([number]))
        same = intend("factored", jnp.array([deed]))
        numbers = jnp.array([0.0, 1.0, -1.0])[jnp.array([deed])]
        for field in Intent._fields:
            found = getattr(one, field)
            np.testing.assert_array_equal(found, getattr(same, field))
            np.testing.assert_array_equal(
                found, getattr(intend("continuous", numbers), field)
            )
