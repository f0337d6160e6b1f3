import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland.tasks.chance import Chance, draw

KEY = jax.random.key(0)


def test_numbers_are_handed_out_once_and_in_order():
    numbers = jnp.arange(10) / 10
    chance = Chance(numbers)
    first, second = chance.uniform(4), chance.uniform(2, 3)
    assert np.array_equal(first, numbers[:4])
    assert np.array_equal(second, numbers[4:].reshape(2, 3))
    assert chance.taken == 10


def test_a_function_gets_as_many_numbers_as_it_takes():
    found = draw(KEY, lambda chance: [chance.uniform(3), chance.order(5)])
    numbers = jax.random.uniform(KEY, (8,))
    assert np.array_equal(found[0], numbers[:3])
    assert np.array_equal(found[1], np.argsort(numbers[3:]))


def test_whole_numbers_are_even_up_to_the_last():
    counts = np.bincount(draw(KEY, lambda chance: chance.whole(7, 70_000)))
    assert len(counts) == 7
    assert np.abs(counts - 10_000).max() < 500  # five deviations


def test_a_whole_number_is_zero_where_there_is_nothing_to_draw():
    counts = jnp.array([0, -3, 1, 5])
    found = draw(KEY, lambda chance: chance.whole(counts, 1000, 4))
    assert (found[:, :3] == 0).all()
    assert set(np.unique(found[:, 3])) == {0, 1, 2, 3, 4}


def test_coins_fall_as_often_as_they_should():
    assert np.isclose(
        draw(KEY, lambda chance: chance.coin(0.3, 100_000)).mean(), 0.3, atol=0.01
    )
    assert not draw(KEY, lambda chance: chance.coin(0.0, 1000)).any()
    assert draw(KEY, lambda chance: chance.coin(1.0, 1000)).all()


def test_orders_are_permutations_and_differ():
    keys = jax.random.split(KEY, 1000)
    found = jax.vmap(lambda key: draw(key, lambda chance: chance.order(3)))(keys)
    counts = np.unique(found, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert counts.min() > 120  # of 167 expected


def test_choices_are_among_the_values():
    found = draw(KEY, lambda chance: chance.choice([2, 5], 1000))
    assert set(np.unique(found)) == {2, 5}
