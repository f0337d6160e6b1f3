"""Ways: how players bring a condition about, and what that brings about with it.

Who touches a thing has been near it; who holds it touches and sees it; who carries one
thing to another is near that other too. Rules over these fire first.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.game import Rules

TOUCHING, NEAR, HOLD, SEE, ON, SIGHT = (
    PREDICATES.index(name)
    for name in ("touching", "near", "hold", "see", "on", "sight")
)
#: Predicates that hold of a and b where they hold of b and a.
_MUTUAL = (TOUCHING, NEAR, SIGHT)

#: Objects that there are: kind and whether it is frozen, sorted.
Stock = tuple[tuple[int, bool], ...]


class Condition(NamedTuple):
    """A predicate over two things; of mutual ones, the smaller thing comes first."""

    predicate: int
    a: int
    b: int


class Way(NamedTuple):
    """A way to bring a condition about, by one player: what it does to what.

    `deed` is "go", "touch", "take", "bring", "push", "throw", "look" or "clear" (a
    line of sight), and "itself" for what comes of its own accord. `player` and `thing`
    are things; `thing` is brought to `to`, or onto a colour of `floor`. `before` are
    conditions that then hold earlier, `along` at the same time.
    """

    deed: str
    player: int
    thing: int
    to: int = -1
    before: tuple[Condition, ...] = ()
    along: tuple[Condition, ...] = ()
    floor: int = -1


def condition(predicate: int, a: int, b: int) -> Condition:
    """Write a condition, the smaller thing first if it is mutual."""
    if predicate in _MUTUAL and b < a:
        a, b = b, a
    return Condition(predicate, a, b)


def conditions(rules: Rules) -> dict[int, Condition]:
    """Give the conditions of the active rules by their number; `rules` on the host."""
    fields = zip(rules.predicate, rules.a, rules.b, rules.active, strict=True)
    return {
        number: condition(int(p), int(a), int(b))
        for number, (p, a, b, active) in enumerate(fields)
        if active
    }


def ways(
    stock: Stock, wanted: Condition, players: Sequence[int], types: int
) -> Iterator[Way]:
    """Give the ways to bring a condition about with what there is, gentle ones first.

    `players` are things, in the order in which they are to act; there are `types` of
    objects.
    """
    predicate, a, b = wanted
    if not _there(stock, wanted, players):
        return
    if predicate == HOLD:
        if (b, False) in stock:
            yield _take(a, b)
    elif predicate == SEE:
        yield Way("look", a, a, b)
    elif predicate == ON:
        yield from _onto(stock, wanted, players)
    elif b >= types:
        who, what = (b, a) if a < types else (a, b)
        yield _meet(predicate, who, what)
    else:
        yield from _joined(stock, wanted, players)
        if predicate == SIGHT:
            yield Way("clear", players[0], a, b)


def itself(wanted: Condition) -> Way:
    """Give the way of a condition that comes of its own accord."""
    return Way("itself", -1, wanted.a, wanted.b)


def lie(wanted: Condition, lying: Sequence[int]) -> bool:
    """Say whether a condition holds among things that lie on one spot."""
    if wanted.predicate not in (TOUCHING, NEAR):
        return False
    needed = [wanted.a, wanted.b]
    return all(lying.count(thing) >= needed.count(thing) for thing in needed)


def _there(stock: Stock, wanted: Condition, players: Sequence[int]) -> bool:
    """Say whether the things of a condition exist."""
    kinds = [kind for kind, _ in stock]
    things = [wanted.a] if wanted.predicate == ON else [wanted.a, wanted.b]
    if len(things) == 2 and wanted.a == wanted.b and wanted.a in players:
        return False
    return all(
        thing in players or kinds.count(thing) >= things.count(thing)
        for thing in things
    )


def _take(player: int, thing: int) -> Way:
    near = condition(NEAR, player, thing)
    along = condition(TOUCHING, player, thing), Condition(SEE, player, thing)
    return Way("take", player, player, thing, (near,), along)


def _meet(predicate: int, player: int, thing: int) -> Way:
    """Give the way of a player to a thing."""
    if predicate != TOUCHING:
        return Way("go", player, player, thing)
    near = condition(NEAR, player, thing)
    return Way("touch", player, player, thing, (near,))


def _onto(stock: Stock, wanted: Condition, players: Sequence[int]) -> Iterator[Way]:
    """Give the ways to bring a thing onto a floor."""
    thing, floor = wanted.a, wanted.b
    if thing in players:
        yield Way("go", thing, thing, floor=floor)
    elif (thing, False) in stock:
        for player in players:
            handled = _handled(player, thing)
            yield Way("bring", player, thing, before=handled, floor=floor)
            yield Way("push", player, thing, before=handled[:2], floor=floor)


def _joined(stock: Stock, wanted: Condition, players: Sequence[int]) -> Iterator[Way]:
    """Give the ways to bring two objects together."""
    predicate, a, b = wanted
    both = ((a, b), (b, a)) if a != b else ((a, b),)
    for deed, player in itertools.product(("bring", "throw", "push"), players):
        for thing, to in both:
            if (thing, False) not in stock:
                continue
            before = _handled(player, thing)[: 2 if deed == "push" else 3]
            if predicate == TOUCHING:
                before += (condition(NEAR, a, b),)
            if predicate == TOUCHING and deed != "throw":
                before += (condition(NEAR, player, to),)
            yield Way(deed, player, thing, to, before)


def _handled(player: int, thing: int) -> tuple[Condition, ...]:
    """List what holds of a player and what it pushes (two), and what it carries."""
    return (
        condition(NEAR, player, thing),
        condition(TOUCHING, player, thing),
        Condition(HOLD, player, thing),
    )
