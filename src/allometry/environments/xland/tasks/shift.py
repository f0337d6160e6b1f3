"""Shift: splits of tasks that lie outside what training draws from.

Each turns one dial of the training environment, and puts what is new into every task.

| split | dials | new in every task | shapes of the observation |
|---|---|---|---|
| unseen_colour | one more colour | the goal's first object is of that colour | the same |
| unseen_shape | one more shape | the goal's first object is of that shape | the same |
| unseen_predicate | one more predicate | the goal's first atom is of it | the same |
| larger_arena | 1.5 × the arena | its side | the same |
| more_objects | up to 4 more objects and distractors | more distractors than any in training | `bodies` has more rows |
| more_rules | twice the rules, at least 2 more | more rules than any in training | `rules` has more rows |

`XLand.shifted` plays them. Worlds and games are held-out ones. The tables of entities have room for all shapes,
colours and predicates; places are told in units of the arena's side. What training is to
withhold must be left out of its own dials: a split is refused where a dial is at its
limit.
"""  # noqa: E501

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from allometry.environments.xland.complexity import PREDICATES, WHOLE, Complexity
from allometry.environments.xland.tasks.deadends import surely
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.refusal import Refusal

#: Dials of a split, and what is new in it.
Changed = tuple[Complexity, Novelty]

#: How much larger an arena is, and how many more objects there are at most.
_LARGER, _MORE_OBJECTS = 1.5, 4
#: How many more rules there are at least.
_MORE_RULES = 2


class Split(NamedTuple):
    """A split outside of training: its dials, and what is new in every task."""

    name: str
    dials: Complexity
    novelty: Novelty


def splits(dials: Complexity) -> dict[str, Split]:
    """Give all splits that there are for an environment of training."""
    found = {}
    for name in SPLITS:
        try:
            found[name] = split(name, dials)
        except Refusal:
            continue
    return found


def split(name: str, dials: Complexity) -> Split:
    """Give a split by name.

    Raises `Refusal` for an unknown name, or where a dial of training leaves no room.
    """
    if not isinstance(name, str) or name not in SPLITS:
        raise Refusal(
            f"XLand has no split {name!r}; choose one of: {', '.join(SPLITS)}."
        )
    changed, novelty = SPLITS[name](dials)
    return Split(name, changed, novelty)


def _colour(dials: Complexity) -> Changed:
    changed = _turned("unseen_colour", dials, colours=dials.colours + 1)
    return changed, Novelty(colour=True)


def _shape(dials: Complexity) -> Changed:
    changed = _turned("unseen_shape", dials, shapes=dials.shapes + 1)
    return changed, Novelty(shape=True)


def _predicate(dials: Complexity) -> Changed:
    absent = [name for name in PREDICATES if name not in dials.predicates]
    if not absent:
        raise Refusal(
            "The split unseen_predicate needs a predicate that training does not have, "
            "and predicates holds all: leave one out in training."
        )
    predicates = (*dials.predicates, absent[0])
    changed = _turned("unseen_predicate", dials, predicates=predicates)
    return changed, Novelty(predicate=absent[0])


def _arena(dials: Complexity) -> Changed:
    side = _beyond("arena", dials.arena, math.ceil(_LARGER * dials.arena))
    return _turned("larger_arena", dials, arena=side), Novelty()


def _objects(dials: Complexity) -> Changed:
    if dials.types < 2 * (dials.chain + 1) + 1:
        raise Refusal(
            f"The split more_objects needs a kind of object to spare, and a chain of "
            f"{dials.chain} rules may take all {dials.types}: raise shapes or colours "
            "in training, or lower chain."
        )
    for more in range(_MORE_OBJECTS, 0, -1):
        distractors = dials.distractors + more
        try:
            changed = _turned(
                "more_objects",
                dials,
                objects=dials.objects + more,
                distractors=distractors,
            )
        except Refusal:
            if more == 1:
                raise
        else:
            return changed, Novelty(distractors=dials.distractors + 1)
    raise AssertionError("unreachable: the last try returns or raises")


def _rules(dials: Complexity) -> Changed:
    most = max(dials.rules + _MORE_RULES, 2 * dials.rules)
    changed = _turned("more_rules", dials, rules=_beyond("rules", dials.rules, most))
    if surely(changed) < changed.rules:
        raise Refusal(
            f"The split more_rules needs {changed.rules} different rules, and with "
            f"{dials.types} kinds of objects there may be fewer: raise shapes or "
            "colours in training."
        )
    return changed, Novelty(rules=dials.rules + 1)


def _beyond(dial: str, value: int, wished: int) -> int:
    """Give the number wished for, or the highest that may be, but above `value`."""
    return max(value + 1, min(wished, WHOLE[dial][1]))


def _turned(name: str, dials: Complexity, **changes: Any) -> Complexity:
    """Turn dials for a split, or refuse with what training can do about it."""
    try:
        return dataclasses.replace(dials, **changes)
    except Refusal as error:
        listed = " and ".join(
            f"{dial} from {getattr(dials, dial)!r} to {value!r}"
            for dial, value in changes.items()
        )
        raise Refusal(
            f"The split {name} turns {listed}, which cannot be. {error} Training may "
            f"have less instead."
        ) from error


SPLITS: dict[str, Callable[[Complexity], Changed]] = {
    "unseen_colour": _colour,
    "unseen_shape": _shape,
    "unseen_predicate": _predicate,
    "larger_arena": _arena,
    "more_objects": _objects,
    "more_rules": _rules,
}
