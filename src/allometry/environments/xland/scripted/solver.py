"""Solver: the shortest chain of rules that makes a goal possible, in symbols.

With full knowledge of a game, but without its places: a stock of objects is changed by
firing rules, breadth first, until some clause of the goal can be brought about. What
leads to a rule or goal may fire other rules before (see `ways`); of rules that would
fire at once the first does; and what a rule spawns lies on one spot, and may fire more.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.game import Game
from allometry.environments.xland.scripted.ways import (
    HOLD,
    NEAR,
    ON,
    TOUCHING,
    Condition,
    Stock,
    Way,
    condition,
    conditions,
    itself,
    lie,
    ways,
)

#: Deeds that end beside what a rule spawns.
_CLOSE = ("take", "touch", "bring", "push")
#: Rules that may fire by themselves one after the other, and stocks looked at.
_CASCADE, _STOCKS = 16, 20_000


class Firing(NamedTuple):
    """A rule that fires, the ways to bring that about, and the stock that it leaves."""

    rule: int
    ways: tuple[Way, ...]
    after: Stock


class Atom(NamedTuple):
    """One atom of a goal's clause, and the ways to make it hold: none if negated."""

    condition: Condition
    negated: bool
    ways: tuple[Way, ...]


class Solution(NamedTuple):
    """A shortest chain of rules, the clause that it makes possible, and its atoms."""

    chain: tuple[Firing, ...]
    goal_clause: int
    atoms: tuple[Atom, ...]


def solve(
    game: Game,
    dials: Complexity,
    player: int = 0,
    *,
    stock: Stock | None = None,
    floors: Collection[int] | None = None,
) -> Solution | None:
    """Find the shortest chain for a player's goal from the start, or from a `stock`.

    `game` is one task's, on the host. `floors` are the colours of floor that there
    are, all unless told. Gives None where no chain makes the goal possible.
    """
    puzzle = _Puzzle(game, dials, player, floors)
    begin = start(game) if stock is None else stock
    queue: deque[tuple[Stock, tuple[Firing, ...]]] = deque([(begin, ())])
    seen = {begin}
    while queue and len(seen) < _STOCKS:
        now, chain = queue.popleft()
        found = puzzle.served(now)
        if found:
            return Solution(chain, *found)
        for firings in puzzle.firings(now):
            short = puzzle.passing(now, firings)
            if short:
                return Solution((*chain, *firings[: short[0]]), *short[1])
            after = firings[-1].after
            if after not in seen:
                seen.add(after)
                queue.append((after, (*chain, *firings)))
    return None


def start(game: Game) -> Stock:
    """List the objects at the start."""
    pairs = zip(np.asarray(game.kinds), np.asarray(game.frozen), strict=True)
    return tuple(sorted((int(k), bool(f)) for k, f in pairs if k >= 0))


#: The number of a clause that can be brought about, and its atoms.
_Served = tuple[int, tuple[Atom, ...]]


class _Puzzle:
    """A game in symbols."""

    def __init__(
        self,
        game: Game,
        dials: Complexity,
        player: int,
        floors: Collection[int] | None,
    ):
        self.types, self.slots = dials.types, dials.objects
        players = range(dials.types, dials.types + dials.players)
        mine = dials.types + player
        self.players = (mine, *(other for other in players if other != mine))
        self.rules = conditions(game.rules)
        self.spawns = [
            [int(kind) for kind in row if kind >= 0] for row in game.rules.spawns
        ]
        self.floors = floors
        self.clauses = {
            number: atoms
            for number, atoms in _clauses(game, player).items()
            if not _contradictory(atoms, self.types)
        }

    def served(self, stock: Stock) -> _Served | None:
        """Find a clause that can be brought about."""
        for number, atoms in self.clauses.items():
            found = [self._atom(stock, wanted, no) for wanted, no in atoms]
            if all(found):
                return number, tuple(atom for atom in found if atom)
        return None

    def passing(
        self, stock: Stock, firings: Sequence[Firing]
    ) -> tuple[int, _Served] | None:
        """Find where in a cascade a goal holds at once, before the next rule fires."""
        for count, firing in enumerate(firings[:-1], 1):
            lying = _gained(stock, firing.after)
            stock = firing.after
            for number, atoms in self.clauses.items():
                if all(no or lie(wanted, lying) for wanted, no in atoms):
                    found = [Atom(w, no, (itself(w),)) for w, no in atoms]
                    return count, (number, tuple(found))
        return None

    def firings(self, stock: Stock) -> Iterator[list[Firing]]:
        """Give what each rule leads to, with all that then fires by itself."""
        for number, wanted in self.rules.items():
            clean = tuple(
                way
                for way in self._ways(stock, wanted)
                if min(self._firing((wanted, *way.along))) == number
                and not self._firing(way.before)
            )
            if clean:
                yield self._cascade(stock, number, clean)

    def _atom(self, stock: Stock, wanted: Condition, negated: bool) -> Atom | None:
        if negated:
            return Atom(wanted, True, ())
        found = self._ways(stock, wanted)
        clean = tuple(way for way in found if not self._firing(way.before))
        return Atom(wanted, False, clean) if clean else None

    def _ways(self, stock: Stock, wanted: Condition) -> Iterator[Way]:
        """Give the ways to a condition, none onto a floor that there is not."""
        lacks = wanted.predicate == ON and self.floors is not None
        if not (lacks and wanted.b not in (self.floors or ())):
            for way in ways(stock, wanted, self.players, self.types):
                yield way._replace(before=tuple(c for c in way.before if c != wanted))

    def _firing(self, held: Sequence[Condition]) -> list[int]:
        """List the rules that fire when some conditions hold."""
        return [number for number, c in self.rules.items() if c in held]

    def _cascade(self, stock: Stock, rule: int, found: tuple[Way, ...]) -> list[Firing]:
        """Fire a rule, and then all that its spawns set off where they appear."""
        after, lying = self._fired(stock, rule, ())
        firings = [Firing(rule, found, after)]
        beside = (found[0].player,) if found[0].deed in _CLOSE else ()
        for _ in range(_CASCADE):
            auto = [
                number
                for number, wanted in self.rules.items()
                if lie(wanted, lying)
                or (wanted.predicate == NEAR and _between(wanted, beside, lying))
            ]
            if not auto:
                break
            after, lying = self._fired(after, auto[0], lying)
            firings.append(Firing(auto[0], (itself(self.rules[auto[0]]),), after))
        return firings

    def _fired(
        self, stock: Stock, rule: int, lying: Sequence[int]
    ) -> tuple[Stock, tuple[int, ...]]:
        """Take a condition's objects away and add what the rule spawns.

        Of two alike the one that can be moved is used.
        """
        left, rest = list(stock), list(lying)
        wanted = self.rules[rule]
        used = (wanted.a,) if wanted.predicate == ON else (wanted.a, wanted.b)
        for thing in used:
            if thing < self.types:
                left.remove((thing, (thing, False) not in left))
                if thing in rest:
                    rest.remove(thing)
        new = self.spawns[rule][: self.slots - len(left)]
        return tuple(sorted([*left, *((k, False) for k in new)])), (*rest, *new)


def _clauses(game: Game, player: int) -> dict[int, list[tuple[Condition, bool]]]:
    """Give a player's goal: the conditions of each clause, and if they are negated."""
    goal = game.goal
    found: dict[int, list[tuple[Condition, bool]]] = {}
    for k in range(goal.clause.shape[1]):
        number = int(goal.clause[player, k])
        if number >= 0:
            p, a, b = (int(f[player, k]) for f in (goal.predicate, goal.a, goal.b))
            atom = condition(p, a, b), bool(goal.negated[player, k])
            found.setdefault(number, []).append(atom)
    return found


def _contradictory(atoms: Sequence[tuple[Condition, bool]], types: int) -> bool:
    """Say whether atoms of one clause exclude each other, whatever there is."""
    true = {wanted for wanted, negated in atoms if not negated}
    false = {wanted for wanted, negated in atoms if negated}
    implied = set(true)
    for predicate, a, b in true:
        if predicate == HOLD:
            implied |= {condition(TOUCHING, a, b), condition(NEAR, a, b)}
        if predicate == TOUCHING:
            implied.add(condition(NEAR, a, b))
    hands = [c.a for c in true if c.predicate == HOLD]
    stand = [c.a for c in true if c.predicate == ON and c.a >= types]
    twice = len(hands) > len(set(hands)) or len(stand) > len(set(stand))
    return bool(implied & false) or twice


def _between(wanted: Condition, some: Sequence[int], others: Sequence[int]) -> bool:
    a, b = wanted.a, wanted.b
    return (a in some and b in others) or (b in some and a in others)


def _gained(before: Stock, after: Stock) -> list[int]:
    """List the kinds of which there are more now than before."""
    old = [kind for kind, _ in before]
    gained = []
    for kind, _ in after:
        if kind in old:
            old.remove(kind)
        else:
            gained.append(kind)
    return gained
