"""Goals of several atoms: possible by how they are drawn, not by luck."""

import functools

import jax
import numpy as np
import pytest

from allometry.environments.xland.complexity import PREDICATES, preset
from allometry.environments.xland.tasks.sampling import sample_game

GAMES = 3000
TOUCHING, NEAR, HOLD, SEE, ON, SIGHT = range(len(PREDICATES))
QUICK = {"xla_backend_optimization_level": 0}
SETTINGS = {
    "xland1": preset("xland1", frozen=0.5),
    "chain": preset("default", predicates=PREDICATES, atoms=4, players=2, frozen=0.5),
    "seeing": preset("reach", predicates=("see", "on"), distractors=2, objects=4),
}


@functools.cache
def drawn(name):
    dials = SETTINGS[name]
    keys = jax.random.split(jax.random.key(2), GAMES)
    draw = jax.vmap(lambda key: sample_game(key, dials))
    games = jax.jit(draw, compiler_options=QUICK)(keys)
    return dials, jax.tree.map(np.asarray, games)


def clauses(name):
    """Go through clauses: the game and player, the atoms (predicate, negated, a, b)."""
    dials, games = drawn(name)
    for number in range(GAMES // 2):
        game = jax.tree.map(lambda field, n=number: field[n], games)
        for player in range(dials.players):
            goal = jax.tree.map(lambda field, p=player: field[p], game.goal)
            for clause in range(goal.clause.max() + 1):
                mine = goal.clause == clause
                assert mine.any()  # clauses are numbered without gaps
                fields = (goal.predicate, goal.negated, goal.a, goal.b)
                atoms = zip(*(field[mine].tolist() for field in fields), strict=True)
                yield dials, game, player, list(atoms)


@pytest.mark.parametrize("name", ["xland1", "chain"])
def test_no_clause_is_impossible(name):
    for dials, game, _, atoms in clauses(name):
        objects, held, stood = [], [], []
        for predicate, negated, a, b in atoms:
            things = (a,) if predicate == ON else (a, b)
            objects += [thing for thing in things if thing < dials.types]
            held += [a] * (predicate == HOLD and not negated)
            stood += [a] * (predicate == ON)
        # No object is in two atoms; no player holds two things, or stands on two
        # colours; whatever must be moved can be.
        assert len(set(objects)) == len(objects)
        assert len(set(held)) == len(held)
        assert len(set(stood)) == len(stood)
        assert not set(objects) & set(game.kinds[game.frozen].tolist())


@pytest.mark.parametrize("name", ["xland1", "chain"])
def test_what_goals_are_over_comes_to_be_there(name):
    for dials, game, _, atoms in clauses(name):
        there = {int(kind) for kind in game.kinds if kind >= 0}
        spawned = {int(kind) for kind in game.rules.spawns.ravel() if kind >= 0}
        for predicate, _, a, b in atoms:
            for thing in (a,) if predicate == ON else (a, b):
                assert thing >= dials.types or thing in there | spawned
        # A rule that fires early is no way to lose them all.
        first = {thing for thing in atoms[0][2:] if thing < dials.types}
        assert (game.chain == 0) == (first <= there)


@pytest.mark.parametrize("name", ["xland1", "chain"])
def test_things_fit_their_predicates(name):
    for dials, _, _, atoms in clauses(name):
        for predicate, _, a, b in atoms:
            assert (a >= dials.types) or predicate not in (HOLD, SEE)
            assert (a < dials.types) or predicate != SIGHT
            assert b in (1, 2, 3) if predicate == ON else b < dials.types
            assert a < dials.types + dials.players


def test_a_clause_of_xland1_begins_with_a_deed_that_nobody_has_done():
    for _, _, _, atoms in clauses("xland1"):
        predicate, negated, _, _ = atoms[0]
        assert predicate in (TOUCHING, NEAR, HOLD)
        assert not negated


def test_each_clause_behind_a_chain_needs_what_the_chain_makes():
    for dials, game, _, atoms in clauses("chain"):
        made = {int(kind) for kind in game.rules.spawns[:, 0] if kind >= 0}
        start = {int(kind) for kind in game.kinds if kind >= 0}
        predicate, negated, a, b = atoms[0]
        assert not negated
        assert {a, b} & (made - start) or (predicate == ON and a in made - start)
        assert dials.chain >= game.chain >= 1


@pytest.mark.parametrize("name", ["xland1", "chain"])
def test_goals_have_one_to_all_atoms_in_all_ways(name):
    dials, games = drawn(name)
    count = (games.goal.clause[:, 0] >= 0).sum(1)
    shares = np.bincount(count)[1:] / GAMES
    assert np.abs(shares - 1 / dials.atoms).max() < 0.04
    several = games.goal.clause[count == dials.atoms, 0].max(1) + 1
    longest = 1 + min(dials.distractors, dials.types - 2 * (dials.chain + 1)) // 2
    least = -(-dials.atoms // longest)
    assert several.min() == least
    assert several.max() == dials.atoms
    assert (np.bincount(several)[least:] > 10).all()
    unused = games.goal.clause < 0
    assert (games.goal.a[unused] == -1).all()
    assert not games.goal.negated[unused].any()


def test_predicates_are_all_used():
    _, games = drawn("xland1")
    counts = np.bincount(games.goal.predicate[games.goal.clause >= 0], minlength=6)
    assert counts.min() > 0.05 * counts.sum()
    negated = games.goal.negated[games.goal.clause >= 0].mean()
    assert 0.05 < negated < 0.25


def test_where_there_are_no_deeds_goals_are_of_what_there_is():
    _, games = drawn("seeing")
    assert set(np.unique(games.goal.predicate)) == {SEE, ON}
    assert (games.goal.a[games.goal.predicate == SEE] == 4).all()
