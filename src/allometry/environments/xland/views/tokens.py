"""Tokens: what `language` says, as numbers of words, and the observation made of them.

| array | shape | content |
|---|---|---|
| `words` | L | goal and rules as I know them: indices of `VOCABULARY`, then 0 |
| `bodies`, `floor` | | see `entities` |
| `self` | | see `told` |

L = 12 atoms + 23 rules: the longest that can be said. A verb is one word: "is near".
Goals and rules do not change in an episode: `words` belong to the task.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int8, Int32

from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    PREDICATES,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.game import SPAWNS, Game
from allometry.environments.xland.numbering import numbering
from allometry.environments.xland.relation import ON
from allometry.environments.xland.views import entities
from allometry.environments.xland.views.language import (
    GOAL,
    HIDDEN_RULE,
    HIDDEN_THING,
    NOTHING,
    RELATION,
    RULE,
    TO,
    VERBS,
)
from allometry.specs import ArraySpec

#: Players, kinds and rules have numbers up to this.
_NUMBERS = 16
#: Word 0 is none.
VOCABULARY: tuple[str, ...] = (
    "", GOAL, RULE, ".", ",", ":", "(", ")", "and", "or", "not", NOTHING,
    HIDDEN_RULE, HIDDEN_THING, "a", "you", "player", TO, *RELATION,
    *(verb for name in PREDICATES for verb in VERBS[name]),
    *COLOURS, *SHAPES, *(f"{floor} floor" for floor in FLOORS),
    *(str(number + 1) for number in range(_NUMBERS)),
)  # fmt: skip
_WORD = {word: number for number, word in enumerate(VOCABULARY)}
_YOU = _WORD["you"]
#: Words of an atom with those that join it, and of a rule, at most.
_ATOM, _RULE = 12, 23


class Language(NamedTuple):
    """The observation of all players, or its spec for one."""

    bodies: Float[Array, "P N F"] | ArraySpec
    floor: Float[Array, "P 7 7 C"] | ArraySpec
    words: Int32[Array, "P L"] | ArraySpec
    self: Float[Array, "P S"] | ArraySpec


def spec(dials: Complexity) -> Language:
    """Describe the observation of one player."""
    seen = entities.spec(dials)
    last = len(VOCABULARY) - 1
    words = ArraySpec(
        (length(dials),), "int32", 0.0, float(last), last + 1, layout="tokens"
    )
    return Language(seen.bodies, seen.floor, words, seen.self)


def length(dials: Complexity) -> int:
    """Count the words that there is room for."""
    return _ATOM * dials.atoms + _RULE * dials.rules


def write(game: Game, dials: Complexity) -> Int8[Array, "P L"]:
    """Say goal and rules to every player, in words."""
    rows = []
    for me in range(dials.players):
        said = jnp.concatenate([_goal(me, game, dials), _rules(me, game, dials)])
        place = jnp.cumsum(said > 0) - 1
        row = jnp.zeros(length(dials), jnp.int8)
        row = row.at[jnp.where(said > 0, place, len(row))].set(
            said.astype(jnp.int8), mode="drop"
        )
        rows.append(row)
    return jnp.stack(rows)


def decode(words: np.ndarray) -> str:
    """Read words `[L]` as text."""
    text = " ".join(VOCABULARY[number] for number in np.asarray(words) if number)
    for mark in ",:.)":
        text = text.replace(f" {mark}", mark)
    return text.replace("( ", "(")


def _goal(me: int, game: Game, dials: Complexity) -> Int[Array, " W"]:
    """Say a player's goal, its atoms in the order of their clauses."""
    goal = jax.tree.map(lambda field: field[me], game.goal)
    order = jnp.argsort(jnp.where(goal.clause < 0, dials.atoms, goal.clause))
    goal = jax.tree.map(lambda field: field[order], goal)
    there, same = goal.clause >= 0, goal.clause[1:] == goal.clause[:-1]
    comma = jnp.where(same, 0, _WORD[","])
    joint = jnp.where(same, _WORD["and"], _WORD["or"])
    first = _thing(me, goal.a, dials)
    floor = jnp.where(goal.predicate == ON, goal.b, -1)
    atoms = [
        jnp.pad(comma, (1, 0)),
        jnp.pad(joint, (1, 0)),
        jnp.where(goal.negated, _WORD["not"], 0),
        jnp.where(goal.negated, _WORD["("], 0),
        *first,
        _verb(goal.predicate, first[0]),
        *_second(_thing(me, goal.b, dials), floor),
        jnp.where(goal.negated, _WORD[")"], 0),
    ]
    said = jnp.where(there[:, None], jnp.stack(atoms, 1), 0).ravel()
    none = jnp.where(there.any(), 0, _WORD[NOTHING])
    begin, end = jnp.array([_WORD[GOAL]]), jnp.array([_WORD["."]])
    return jnp.concatenate([begin, none[None], said, end])


def _rules(me: int, game: Game, dials: Complexity) -> Int[Array, " W"]:
    """Say the rules as a player knows them."""
    rules = game.rules
    whole = game.hidden.rules[me]
    secret, which = numbering(game, me, dials)

    def known(thing: Array) -> list[Array]:
        """Name a thing, or say which of the hidden ones it is."""
        object_ = (thing >= 0) & (thing < dials.types)
        number = jnp.where(object_, secret[jnp.where(object_, thing, 0)], 0)
        named = [jnp.where(number > 0, 0, word) for word in _thing(me, thing, dials)]
        hidden = jnp.where(number > 0, _WORD[HIDDEN_THING], 0), _numbered(number)
        return [named[0] + hidden[0], named[1] + hidden[1], named[2]]

    first = known(rules.a)
    verb = jnp.where(
        which > 0,
        _WORD[RELATION[0]] + (first[0] == _YOU),
        _verb(rules.predicate, first[0]),
    )
    floor = jnp.where(rules.predicate == ON, rules.b, -1)
    condition = [
        *first,
        verb,
        _numbered(which),
        jnp.where(which > 0, _WORD[TO], 0),
        *_second(known(rules.b), floor),
        jnp.full_like(verb, _WORD[":"]),
    ]
    said = jnp.stack([*condition, *_made(rules.spawns, known)], 1)
    hidden = jnp.zeros_like(said).at[:, 0].set(_WORD[HIDDEN_RULE])
    said = jnp.where(whole[:, None], hidden, said)
    begin, end = (jnp.full_like(verb, _WORD[word])[:, None] for word in (RULE, "."))
    said = jnp.concatenate([begin, said, end], 1)
    return jnp.where(rules.active[:, None], said, 0).ravel()


def _made(
    spawns: Int[Array, "R 3"], known: Callable[[Array], list[Array]]
) -> list[Int[Array, " R"]]:
    """Say what a rule leaves, "nothing" for nothing."""
    there = spawns >= 0
    words = []
    for number in range(SPAWNS):
        if number:
            another = there[:, number] & there[:, :number].any(1)
            words.append(jnp.where(another, _WORD["and"], 0))
        words += known(spawns[:, number])
    words[0] = jnp.where(there.any(1), words[0], _WORD[NOTHING])
    return words


def _thing(me: int, thing: Int[Array, "*K"], dials: Complexity) -> list[Array]:
    """Name things in three words, of which the last may be 0; all are, for none."""
    who = thing - dials.types
    object_, mine, other = (thing >= 0) & (who < 0), who == me, (who >= 0) & (who != me)
    first = jnp.where(mine, _YOU, jnp.where(other, _WORD["player"], 0))
    colour = _WORD[COLOURS[0]] + thing % dials.colours
    shape = _WORD[SHAPES[0]] + thing // dials.colours
    return [
        jnp.where(object_, _WORD["a"], first),
        jnp.where(object_, colour, jnp.where(other, _numbered(who + 1), 0)),
        jnp.where(object_, shape, 0),
    ]


def _second(named: list[Array], floor: Int[Array, "*K"]) -> list[Array]:
    """Name the second thing of an atom; or a floor, where its colour is not −1."""
    plain = jnp.where(floor >= 0, _WORD[f"{FLOORS[0]} floor"] + floor, named[0])
    return [plain, *(jnp.where(floor >= 0, 0, word) for word in named[1:])]


def _verb(predicate: Int[Array, "*K"], first: Int[Array, "*K"]) -> Int[Array, "*K"]:
    """Give the verb of a predicate after the first word of its first thing."""
    return _WORD[VERBS[PREDICATES[0]][0]] + 2 * predicate + (first == _YOU)


def _numbered(number: Int[Array, "*K"]) -> Int[Array, "*K"]:
    """Give the word of a number from 1 on, 0 for 0."""
    return jnp.where(number > 0, _WORD["1"] - 1 + number, 0)
