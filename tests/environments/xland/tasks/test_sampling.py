"""Games by the thousand, read as stocks of objects that rules change."""

import functools

import jax
import numpy as np
import pytest

from allometry.environments.xland.complexity import PREDICATES, preset
from allometry.environments.xland.tasks.sampling import sample_game

GAMES = 2000
#: What runs once is to compile fast.
QUICK = {"xla_backend_optimization_level": 0}
TOUCHING, NEAR, HOLD, SEE, ON, SIGHT = range(len(PREDICATES))

#: Settings that draw games in different ways.
SETTINGS = {
    "default": preset("default"),
    "frozen": preset("default", frozen=0.5, rules=8),
    "large": preset("large"),
    "two": preset("two"),
    "holding": preset("default", predicates=("hold", "on"), players=2),
    "tight": preset("default", shapes=2),
}
RIVALS = {
    "independent": preset("two", goals="independent"),
    "opposed": preset("two", goals="opposed", players=3),
    "opposed, three atoms": preset("two", goals="opposed", players=3, atoms=3),
}


@functools.cache
def drawn(name):
    """Draw games of a setting, on the host."""
    dials = (SETTINGS | RIVALS).get(name) or preset(name)
    keys = jax.random.split(jax.random.key(11), GAMES)
    draw = jax.vmap(lambda key: sample_game(key, dials))
    games = jax.jit(draw, compiler_options=QUICK)(keys)
    return dials, jax.tree.map(np.asarray, games)


def each(name):
    """Go through games one by one, half of them."""
    dials, games = drawn(name)
    for number in range(GAMES // 2):
        yield dials, jax.tree.map(lambda field, n=number: field[n], games)


def used(game):
    """List a game's rules: predicate, its two things, what it spawns."""
    return [
        (int(predicate), (int(a), int(b)), [int(kind) for kind in spawns if kind >= 0])
        for predicate, a, b, spawns, active in zip(*game.rules, strict=True)
        if active
    ]


def made(start, rules, types):
    """List the kinds that can come to be, if nothing is ever used up."""
    found = set(start)
    while True:
        new = {
            kind
            for _, things, spawns in rules
            if all(thing in found or thing >= types for thing in things)
            for kind in spawns
        }
        if new <= found:
            return found
        found |= new


def asked(game, types, player=0):
    """List the kinds of objects that a goal of one clause is over."""
    things = game.goal.a[player], game.goal.b[player]
    colour = game.goal.predicate[player] == ON
    return {
        int(thing)
        for side, values in enumerate(things)
        for thing, on in zip(values, colour, strict=True)
        if 0 <= thing < types and not (on and side)
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_the_chain_is_all_that_is_needed_and_every_rule_of_it_is(name):
    for dials, game in each(name):
        rules, start = used(game), [kind for kind in game.kinds if kind >= 0]
        goal = asked(game, dials.types)
        assert goal <= made(start, rules, dials.types)
        needed = [
            number
            for number in range(len(rules))
            if not goal
            <= made(start, rules[:number] + rules[number + 1 :], dials.types)
        ]
        assert len(needed) == game.chain


@pytest.mark.parametrize("name", SETTINGS)
def test_firing_the_chain_in_sequence_makes_the_goals_objects(name):
    for dials, game in each(name):
        stock = sorted(int(kind) for kind in game.kinds if kind >= 0)
        goal, fired = asked(game, dials.types), 0
        rules = used(game)
        while not goal <= set(stock):
            ready = [
                rule
                for rule in rules
                if all(thing in stock or thing >= dials.types for thing in rule[1])
                and not set(rule[1]) <= goal
                and leads(rule, rules, goal)
            ]
            assert len(ready) == 1  # the one whose turn it is
            _, things, spawns = ready[0]
            for thing in things:
                if thing < dials.types:
                    stock.remove(thing)
            stock += spawns
            fired += 1
        assert fired == game.chain


def leads(rule, rules, goal):
    """Say whether a rule makes a goal's object, or what a rule that does needs."""
    wanted = set(goal)
    for _ in rules:
        for _, things, spawns in rules:
            if spawns and spawns[0] in wanted:
                wanted |= set(things)
    return bool(rule[2]) and rule[2][0] in wanted


@pytest.mark.parametrize("name", ["default", "large"])
def test_the_length_of_the_chain_is_even_up_to_the_dial(name):
    dials, games = drawn(name)
    negated = games.goal.negated[:, 0, 0]
    assert (games.chain[negated] == 0).all()
    counts = np.bincount(games.chain[~negated], minlength=dials.chain + 1)
    assert counts[0] == 0
    expected = (~negated).sum() / dials.chain
    assert np.abs(counts[1:] - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("name", ["default", "large", "two", "small"])
def test_objects_and_rules_stay_within_their_dials(name):
    dials, games = drawn(name)
    objects = (games.kinds >= 0).sum(1)
    assert objects.max() <= dials.chain + 2 + dials.distractors <= dials.objects
    assert games.kinds.max() < dials.types
    rules = games.rules.active.sum(1)
    assert (rules >= games.chain).all()
    assert rules.max() == dials.rules
    assert rules.min() <= 1


def test_slots_and_places_of_rules_tell_nothing():
    _, games = drawn("default")
    share = (games.kinds >= 0).mean(0)
    assert share.max() - share.min() < 0.08
    active = games.rules.active.mean(0)
    assert active.max() - active.min() < 0.08
    counts = np.bincount(games.kinds[games.kinds >= 0])
    assert counts.min() > 0.08 * counts.sum()


def test_rules_that_are_not_used_are_empty():
    _, games = drawn("large")
    off = ~games.rules.active
    assert off.any()
    assert (games.rules.a[off] == -1).all()
    assert (games.rules.spawns[off] == -1).all()
    assert (games.rules.predicate[off] == 0).all()


@pytest.mark.parametrize("name", SETTINGS)
def test_conditions_are_deeds_that_the_dials_name(name):
    dials, games = drawn(name)
    allowed = [PREDICATES.index(n) for n in dials.predicates if n in PREDICATES[:3]]
    rules = games.rules
    assert np.isin(rules.predicate[rules.active], allowed).all()
    by_player = rules.a >= dials.types
    assert (by_player | (rules.predicate != HOLD) | ~rules.active).all()
    assert (rules.b < dials.types).all()


@pytest.mark.parametrize("name", SETTINGS)
def test_production_always_ends(name):
    # If each rule makes an edge from what it uses to what it spawns, there is no loop.
    for dials, game in each(name):
        edges = np.zeros((dials.types, dials.types), int)
        for _, things, spawns in used(game):
            for thing in things:
                if thing < dials.types:
                    edges[thing, spawns] = 1
        assert np.trace(np.linalg.matrix_power(edges, dials.types)) == 0
        reach = sum(np.linalg.matrix_power(edges, k) for k in range(1, dials.types + 1))
        assert np.trace(reach) == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_no_dead_end_is_over_a_pair_that_the_chain_or_a_goal_brings_together(name):
    for _, game in each(name):
        pairs = [frozenset(things) for _, things, _ in used(game)]
        assert len(set(pairs)) == len(pairs)
        for player in range(len(game.goal.a)):
            if game.goal.predicate[player, 0] != ON:
                goal = {int(game.goal.a[player, 0]), int(game.goal.b[player, 0])}
                assert frozenset(goal) not in pairs


def test_dead_ends_use_up_needed_objects_and_distractors():
    kinds = {"needed": 0, "spare": 0, "lifted": 0}
    for dials, game in each("default"):
        rules, goal = used(game), asked(game, dials.types)
        start = {int(kind) for kind in game.kinds if kind >= 0}
        chain = [rule for rule in rules if leads(rule, rules, goal)]
        needed = goal | {thing for rule in chain for thing in rule[1]}
        for predicate, things, _ in rules:
            if (predicate, things) in [rule[:2] for rule in chain]:
                continue
            objects = {thing for thing in things if thing < dials.types}
            kinds["needed"] += bool(objects & needed)
            kinds["spare"] += bool(objects & (start - needed))
            kinds["lifted"] += len(objects) == 1 and objects <= needed
            if len(objects) == 1 and objects <= needed:
                assert predicate == HOLD  # it can be pushed
    assert kinds["needed"] > 250
    assert kinds["spare"] > 150
    assert kinds["lifted"] > 25


def test_spawns_are_none_to_three():
    _, games = drawn("large")
    counts = (games.rules.spawns >= 0).sum(2)[games.rules.active]
    assert (np.bincount(counts) > 100).all()
    assert len(np.bincount(counts)) == 4


@pytest.mark.parametrize("name", ["default", "reach", "two"])
def test_a_negated_goal_is_to_part_two_objects_that_are_there(name):
    _, games = drawn(name)
    negated = games.goal.negated[:, 0, 0]
    assert 0.06 < negated.mean() < 0.14
    for number in np.nonzero(negated)[0]:
        goal = jax.tree.map(lambda field, n=number: field[n, 0, 0], games.goal)
        assert goal.predicate in (TOUCHING, NEAR)
        assert {int(goal.a), int(goal.b)} <= set(games.kinds[number].tolist())


def test_half_of_the_games_have_frozen_objects_and_can_be_solved():
    dials, games = drawn("frozen")
    some = games.frozen.any(1)
    assert 0.25 < some.mean() < 0.5
    assert not games.frozen[games.kinds < 0].any()
    for _, game in each("frozen"):
        frozen = set(game.kinds[game.frozen].tolist())
        rules, goal = used(game), asked(game, dials.types)
        chain = [rule for rule in rules if leads(rule, rules, goal)]
        for predicate, things, _ in chain:
            objects = {thing for thing in things if thing < dials.types}
            assert len(objects & frozen) < max(2, len(objects))
            assert predicate != HOLD or not objects & frozen
        assert game.goal.predicate[0, 0] != HOLD or not goal & frozen
        assert len(goal) < 2 or len(goal & frozen) < 2
        # Neither may need to be lifted if the other cannot be brought to it.
        for predicate, things, _ in rules:
            objects = {thing for thing in things if thing < dials.types}
            if predicate == HOLD and objects <= {t for c in chain for t in c[1]}:
                partners = [set(c[1]) for c in chain if objects & set(c[1])]
                assert not any(pair & frozen for pair in partners if len(pair) == 2)


def test_nothing_is_frozen_if_the_dial_is_zero():
    assert not drawn("default")[1].frozen.any()


def test_what_is_hidden_is_drawn_for_each_rule_kind_and_player():
    dials, games = drawn("two")
    for field in games.hidden:
        assert np.abs(field.mean(0) - dials.hidden).max() < 0.06
        assert 0.3 < (field[:, 0] != field[:, 1]).mean() < 0.7
    assert not drawn("reach")[1].hidden.kinds.any()


def test_two_players_share_a_goal_and_are_both_mentioned():
    dials, games = drawn("two")
    for field in games.goal:
        assert np.array_equal(field[:, 0], field[:, 1])
    for things in (games.goal.a[:, 0], games.rules.a[games.rules.active]):
        counts = np.bincount(things[things >= dials.types] - dials.types)
        assert len(counts) == 2
        assert abs(counts[0] / counts.sum() - 0.5) < 0.06


def test_independent_goals_are_drawn_apart_over_what_can_be_made():
    dials, games = drawn("independent")
    predicate = games.goal.predicate[:, :, 0]
    assert 0.1 < (predicate[:, 0] == predicate[:, 1]).mean() < 0.4
    for _, game in each("independent"):
        start = [kind for kind in game.kinds if kind >= 0]
        found = made(start, used(game), dials.types)
        for player in range(2):
            assert asked(game, dials.types, player) <= found
            mine = game.goal.a[player, 0]
            assert mine < dials.types or mine == dials.types + player


@pytest.mark.parametrize("name", ["opposed", "opposed, three atoms"])
def test_opposed_goals_never_hold_together_and_never_fail_together(name):
    dials, games = drawn(name)
    for field in games.goal:
        assert np.array_equal(field[:, 0], field[:, 2])
    # The chain and the goal ask nothing of the one who is against them.
    assert (games.goal.a[:, 0] != dials.types + 1).all()
    for _, game in each(name):
        used_ = game.goal.clause[0] >= 0
        assert np.array_equal(used_, game.goal.clause[1] >= 0)
        for truth in range(2 ** int(used_.sum())):
            true = np.array([bool(truth >> k & 1) for k in range(used_.sum())])
            mine, theirs = (holds(game.goal, player, used_, true) for player in (0, 1))
            assert mine != theirs


def holds(goal, player, used_, true):
    """Judge a goal by which of its atoms, un-negated, are true."""
    clause = goal.clause[player][used_]
    met = true ^ goal.negated[player][used_]
    return any(met[clause == number].all() for number in set(clause.tolist()))


def test_a_game_is_the_same_for_the_same_key():
    dials, games = drawn("default")
    key = jax.random.split(jax.random.key(11), GAMES)[5]
    again = jax.jit(lambda key: sample_game(key, dials), compiler_options=QUICK)(key)
    for one, all_ in zip(jax.tree.leaves(again), jax.tree.leaves(games), strict=True):
        assert np.array_equal(one, all_[5])
