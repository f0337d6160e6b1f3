"""Novelty: what every task of a split has, and no task of training."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Novelty:
    """What must be new in every game; nothing, unless told otherwise."""

    colour: bool = False
    """The goal's first object is of the last colour."""
    shape: bool = False
    """The goal's first object is of the last shape."""
    predicate: str | None = None
    """The goal's first atom is of this predicate."""
    distractors: int = 0
    """There are at least so many distractors at the start."""
    rules: int = 0
    """There are at least so many rules."""
