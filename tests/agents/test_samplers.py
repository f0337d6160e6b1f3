"""Samplers: what stands on a shelf, what takes its place, and what is drawn of it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from allometry.agents.samplers import Prefetched, Sampler, Shelf, Uniform
from allometry.environments.environment import Environment
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

KEY, OTHER = jax.random.key(0), jax.random.key(1)
NO_OUTCOMES = jnp.zeros((1, 1, 1))


@dataclasses.dataclass(frozen=True)
class Numbers(Environment):
    """An environment whose tasks are a number and a pair of numbers, all new."""

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(ArraySpec((1,)), discrete(2))

    def sample_task(self, key: jax.Array) -> dict[str, Any]:
        one, two = jax.random.split(key)
        return {"one": jax.random.uniform(one), "two": jax.random.normal(two, (2,))}


def drawn(count: int, key: jax.Array) -> dict[str, Any]:
    return jax.vmap(Numbers().sample_task)(jax.random.split(key, count))


def updated(sampler: Prefetched, state: Shelf, key: jax.Array) -> Shelf:
    return sampler.update(Numbers(), state, NO_OUTCOMES, key)


@pytest.mark.parametrize("sampler", [Uniform(), Prefetched(3, 1)])
def test_is_a_sampler(sampler: Sampler) -> None:
    assert isinstance(sampler, Sampler)
    state = sampler.init(Numbers(), KEY)
    state = sampler.update(Numbers(), state, NO_OUTCOMES, KEY)
    task = sampler.sample(Numbers(), state, OTHER)
    assert jax.tree.map(jnp.shape, task) == {"one": (), "two": (2,)}


def test_a_shelf_begins_full_of_tasks_of_its_own() -> None:
    shelf = Prefetched(5, 2).init(Numbers(), KEY)
    assert shelf.tasks["two"].shape == (5, 2)
    assert len(np.unique(shelf.tasks["one"])) == 5
    jax.tree.map(np.testing.assert_array_equal, shelf.tasks, drawn(5, KEY))


def test_fresh_tasks_take_the_places_of_the_oldest() -> None:
    sampler = Prefetched(size=5, fresh=2)
    state = sampler.init(Numbers(), KEY)
    ages = np.zeros(5, int)
    for number, oldest in enumerate([[0, 1], [2, 3], [4, 0], [1, 2]], start=1):
        key = jax.random.key(number)
        before, state = state, updated(sampler, state, key)
        kept = np.setdiff1d(np.arange(5), oldest)
        # Those that go are as old as any that stay.
        assert ages[oldest].max() <= ages[kept].min()
        ages[oldest] = number
        for name, fresh in drawn(2, key).items():
            places = np.array(oldest)
            np.testing.assert_array_equal(state.tasks[name][places], fresh)
            np.testing.assert_array_equal(
                state.tasks[name][kept], before.tasks[name][kept]
            )


def test_all_of_a_shelf_may_be_fresh() -> None:
    sampler = Prefetched(size=3, fresh=3)
    state = updated(sampler, sampler.init(Numbers(), KEY), OTHER)
    np.testing.assert_array_equal(state.tasks["one"], drawn(3, OTHER)["one"])
    assert int(state.oldest) == 0


def test_tasks_of_the_shelf_are_equally_likely_and_whole() -> None:
    sampler, draws = Prefetched(size=4, fresh=1), 4000
    state = sampler.init(Numbers(), KEY)
    keys = jax.random.split(OTHER, draws)
    found = jax.vmap(lambda key: sampler.sample(Numbers(), state, key))(keys)
    place = np.asarray(found["one"])[:, None] == np.asarray(state.tasks["one"])
    assert (place.sum(1) == 1).all()
    assert chisquare(place.sum(0)).pvalue > 1e-3
    np.testing.assert_array_equal(found["two"], state.tasks["two"][place.argmax(1)])


def test_a_shelf_can_be_stored_and_gone_on_with() -> None:
    sampler = Prefetched(size=5, fresh=2)
    state = updated(sampler, sampler.init(Numbers(), KEY), OTHER)
    leaves, structure = jax.tree.flatten(state)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    stored = jax.tree.unflatten(structure, [jnp.asarray(np.array(x)) for x in leaves])
    jax.tree.map(
        np.testing.assert_array_equal,
        updated(sampler, stored, KEY),
        updated(sampler, state, KEY),
    )
    again = jax.eval_shape(lambda state: updated(sampler, state, KEY), state)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), again) == jax.tree.map(
        lambda x: (x.shape, x.dtype), state
    )
