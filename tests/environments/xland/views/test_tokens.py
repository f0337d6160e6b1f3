"""Tokens: they read as `language` says, for every task and player."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import PRESETS, Complexity
from allometry.environments.xland.complexity import COLOURS, SHAPES
from allometry.environments.xland.tasks.sampling import sample_game
from allometry.environments.xland.views import language, tokens
from tests.environments.xland.views import written

#: Tasks of each preset.
TASKS = 45


def words(game, dials: Complexity) -> np.ndarray:
    game = jax.tree.map(jnp.asarray, game)
    return np.asarray(jax.jit(tokens.write, static_argnums=1)(game, dials))


@pytest.mark.parametrize("name", PRESETS)
def test_words_of_sampled_games_read_as_language_says_them(name: str):
    dials = PRESETS[name]

    @jax.jit
    @jax.vmap
    def draw(key):
        game = sample_game(key, dials)
        return game, tokens.write(game, dials)

    games, found = draw(jax.random.split(jax.random.key(11), TASKS))
    games, found = jax.tree.map(np.asarray, (games, found))
    assert found.shape == (TASKS, dials.players, tokens.length(dials))
    said = set()
    for number in range(TASKS):
        game = jax.tree.map(lambda field: field[number], games)  # noqa: B023
        for player in range(dials.players):
            text = language.whole(game, dials, player)
            assert tokens.decode(found[number, player]) == text
            said.add(text)
    assert len(said) > TASKS // 3


def test_all_that_can_be_said_is_read_back():
    game = written.game(
        goals=[
            [
                (written.HOLD, 1, written.FIRST, written.BLACK_CUBE, 2),
                (written.ON, 0, written.SECOND, 1, 0),
                (written.SIGHT, 1, written.GREEN_SLAB, written.YELLOW_CUBE, 2),
            ],
            [(written.SEE, 0, written.THIRD, written.FIRST, 0)],
        ],
        rules=written.RULES,
        hidden_rules=[(2, 0)],
        hidden_kinds=[(0, written.BLACK_CUBE), (1, written.GREEN_SLAB)],
        hidden_predicates=[(0, 1), (1, 1), (0, 2)],
    )
    found = words(game, written.DIALS)
    for player in range(3):
        text = language.whole(game, written.DIALS, player)
        assert tokens.decode(found[player]) == text
    assert tokens.decode(found[2]).startswith("Goal: nothing. Rule: a rule that")


def test_the_longest_that_can_be_said_has_room():
    atom = (written.NEAR, 1, written.BLACK_CUBE, written.GREEN_SLAB)
    three = [written.BLACK_CUBE] * 3
    game = written.game(
        goals=[[(*atom, clause) for clause in range(3)]],
        rules=[(written.NEAR, *atom[2:], three)] * 3,
        hidden_predicates=[(0, 0), (0, 1), (0, 2)],
    )
    found = words(game, written.DIALS)[0]
    assert len(found) == tokens.length(written.DIALS) == 12 * 3 + 23 * 3
    assert (found > 0).sum() == len(found)
    assert tokens.decode(found) == language.whole(game, written.DIALS, 0)


def test_words_come_first_and_nothing_after():
    found = words(written.game(rules=written.RULES[:2]), written.DIALS)
    for row in found:
        count = (row > 0).sum()
        assert 0 < count < len(row)
        assert (row[:count] > 0).all()


def test_the_vocabulary_has_each_word_once_and_fits_a_byte():
    assert len(set(tokens.VOCABULARY)) == len(tokens.VOCABULARY) == 60
    assert tokens.VOCABULARY[0] == ""
    assert {*COLOURS, *SHAPES} <= set(tokens.VOCABULARY)
    assert words(written.game(), written.DIALS).dtype == np.int8
    spec = tokens.spec(written.DIALS).words
    assert (spec.dtype, spec.num_values, spec.maximum) == ("int32", 60, 59)
