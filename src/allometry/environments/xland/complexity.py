"""Complexity: the dials of XLand, each of which can be turned alone.

A dial bounds what tasks are drawn from; how large the space of states, games and
policies becomes is `size`, in logarithms. What a dial may be, and what it may be while
all others are as in the default preset:

| dial | from … to | alone |
|---|---|---|
| arena | 4 … 32 | 6 … 32 |
| levels | 0 … 5 | 0 … 4 |
| density | 0 … 0.4 | all |
| objects | 1 … 32 | 6 … 19 |
| shapes, colours | 1 … 4 | 2 … 4 |
| predicates | some of touching, near, hold, see, on, sight | all with touching, near or hold |
| atoms | 1 … 6 | all |
| rules | 0 … 16 | 2 … 16 |
| chain | 0 … 4 | 0 … 3 |
| distractors | 0 … 10 | 0 … 4 |
| hidden, frozen | 0 … 1 | all |
| players | 1 … 4 | all |
| trials | 1 … 64 | all |
| duration | 1 … 10,000 | all |
| terrain, goals, actions, view | names | all |
"""  # noqa: E501

import dataclasses
import math
import numbers
import operator
from typing import Any

from allometry.environments.xland import size
from allometry.refusal import Refusal

SHAPES = ("cube", "sphere", "pyramid", "slab")
COLOURS = ("black", "purple", "yellow", "green")
FLOORS = ("grey", "blue", "red", "white")
PREDICATES = ("touching", "near", "hold", "see", "on", "sight")
#: Predicates that come about by an act only: the conditions of rules.
DEEDS = ("touching", "near", "hold")
GOALS = ("cooperative", "independent", "opposed")
ACTIONS = ("factored", "simple", "discrete", "continuous")
TERRAINS = ("empty", "rooms", "plateaus", "walls", "mixed")
VIEWS = ("partial", "full")
#: Dials that are whole numbers, shares, and names, with what they may be.
WHOLE = {
    "arena": (4, 32),
    "levels": (0, 5),
    "objects": (1, 32),
    "shapes": (1, len(SHAPES)),
    "colours": (1, len(COLOURS)),
    "atoms": (1, 6),
    "rules": (0, 16),
    "chain": (0, 4),
    "distractors": (0, 10),
    "players": (1, 4),
    "trials": (1, 64),
    "duration": (1, 10_000),
}
_SHARES = {"density": (0.0, 0.4), "hidden": (0.0, 1.0), "frozen": (0.0, 1.0)}
_NAMES = {"terrain": TERRAINS, "goals": GOALS, "actions": ACTIONS, "view": VIEWS}


@dataclasses.dataclass(frozen=True)
class Complexity:
    """How complex tasks may be; static, so that every dial compiles its own program.

    Raises `Refusal` for a dial that is impossible, with what is allowed.
    """

    arena: int = 9
    """Side of the arena, in cells of 1 m."""
    levels: int = 2
    """Heights above the ground that plateaus may have, joined by ramps."""
    terrain: str = "mixed"
    """Which topologies are drawn: empty, rooms, plateaus, walls; or mixed: none, rooms
    or walls, with or without plateaus."""
    density: float = 0.15
    """Share of cells that scattered walls take."""
    objects: int = 8
    """Objects that there may be at once; there are fewer at the start."""
    shapes: int = 3
    """Number of shapes."""
    colours: int = 3
    """Number of colours."""
    predicates: tuple[str, ...] = ("touching", "near", "hold", "see")
    """Predicates of goals: `see` is of a player, `sight` between objects, `on` a floor
    of a colour. Rules have those of touching, near, hold that are among them."""
    atoms: int = 1
    """Atoms of a goal at most, in disjunctive normal form."""
    rules: int = 4
    """Production rules of a game at most, the chain to the goal and dead ends."""
    chain: int = 2
    """Longest chain of rules that lead to the goal; the shortest is of one."""
    distractors: int = 2
    """Objects at the start that the goal does not need, at most. Goals of several atoms
    are over them too: then they are all there."""
    hidden: float = 0.5
    """Probability that a rule, an object or a predicate is hidden."""
    frozen: float = 0.0
    """Probability that a kind of object cannot be moved, in half of the games."""
    players: int = 1
    """Number of players."""
    goals: str = "cooperative"
    """Goals of several players: one for all (cooperative), each its own (independent),
    or every second player wants what the others do not (opposed)."""
    trials: int = 1
    """Trials of an episode."""
    duration: int = 150
    """Agent steps of a trial."""
    actions: str = "factored"
    """Action space: simple, discrete, factored or continuous."""
    view: str = "partial"
    """What is observed: what is in sight (partial), or all (full)."""

    def __post_init__(self) -> None:
        for name, (low, high) in WHOLE.items():
            object.__setattr__(self, name, _whole(name, getattr(self, name), low, high))
        for name, limits in _SHARES.items():
            object.__setattr__(self, name, _share(name, getattr(self, name), *limits))
        for name, allowed in _NAMES.items():
            _check_name(name, getattr(self, name), allowed)
        _check_predicates(self.predicates)
        _check_room(self)
        _check_game(self)

    @property
    def types(self) -> int:
        """Number of kinds of objects: shape × colour."""
        return self.shapes * self.colours

    @property
    def bodies(self) -> int:
        """Players and objects, in this order along the axis of bodies."""
        return self.players + self.objects

    @property
    def steps(self) -> int:
        """Agent steps of an episode."""
        return self.trials * self.duration

    def size(self) -> dict[str, float]:
        """Give natural logarithms of the numbers of states, games, actions, policies.

        `log_states`: topologies × places of bodies, at 8 places and 8 headings a cell.
        `log_games`: goals (each player's own, or one) × rules × objects at the start ×
        what is hidden of 2 rules + kinds bits per player. `log_actions`: of all players
        together, a continuous number counted as 8 values. `log_log_policies`: ln ln of
        the number of deterministic policies |A|^(|S|·|G|), which is ln(|S| |G| ln |A|).
        The formulas of the factors are those of `size`.
        """
        deeds = [name for name in self.predicates if name in DEEDS]
        states = self._log_worlds() + size.log_placings(
            self.arena**2, self.types, self.players, self.objects
        )
        own = self.players if self.goals == "independent" else 1
        count = size.conditions(self.predicates, self.types, self.players)
        games = own * size.log_goals(self.atoms, count)
        count = size.conditions(deeds, self.types, self.players)
        games += size.log_rules(self.rules, count, self.types)
        frozen = 2 if self.frozen else 1
        games += self.objects * math.log(frozen * self.types + 1)
        if 0 < self.hidden < 1:
            games += self.players * (2 * self.rules + self.types) * math.log(2)
        each = {
            "simple": math.log(6),
            "discrete": math.log(12),
            "factored": 6 * math.log(3),
            "continuous": 6 * math.log(size.VALUES),
        }
        actions = self.players * each[self.actions]
        return {
            "log_states": states,
            "log_games": games,
            "log_actions": actions,
            "log_log_policies": states + games + math.log(actions),
        }

    def _log_worlds(self) -> float:
        hilly = self.terrain in ("plateaus", "mixed")
        return size.log_worlds(
            self.arena**2,
            self.levels if hilly else 0,
            walls=self.terrain in ("rooms", "walls", "mixed"),
            painted="on" in self.predicates,
        )


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        raise Refusal(
            f"The dial {name} is {value!r}: give a whole number from {low} to {high:,}."
        )
    return number


def _share(name: str, value: Any, low: float, high: float) -> float:
    known = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not known or not low <= value <= high:
        raise Refusal(
            f"The dial {name} is {value!r}: give a number from {low:g} to {high:g}."
        )
    return float(value)


def _check_name(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise Refusal(
            f"The dial {name} is {value!r}: choose one of {', '.join(allowed)}."
        )


def _check_predicates(predicates: Any) -> None:
    if not isinstance(predicates, tuple):
        raise Refusal(
            f"The dial predicates is {predicates!r}: give a tuple of names, such as "
            "('touching', 'hold')."
        )
    for name in predicates:
        if not isinstance(name, str) or name not in PREDICATES:
            raise Refusal(
                f"The dial predicates holds {name!r}: choose some of "
                f"{', '.join(PREDICATES)}."
            )
    if not predicates or len(set(predicates)) < len(predicates):
        raise Refusal(
            f"The dial predicates is {predicates!r}: name at least one, each once, of "
            f"{', '.join(PREDICATES)}."
        )


def _check_room(dials: Complexity) -> None:
    """Refuse an arena too small for its plateaus or its bodies."""
    if 2 * dials.levels + 1 > dials.arena:
        raise Refusal(
            f"Plateaus of {dials.levels} levels do not fit an arena of {dials.arena} "
            f"cells a side: raise arena to {2 * dials.levels + 1}, or lower levels to "
            f"{(dials.arena - 1) // 2}."
        )
    most = dials.arena**2 // 4
    if dials.bodies > most:
        enough = math.isqrt(4 * dials.bodies - 1) + 1
        players = f"{dials.players} player{'s' if dials.players > 1 else ''}"
        raise Refusal(
            f"{dials.objects} objects and {players} do not fit an arena of "
            f"{dials.arena} × {dials.arena} cells, of which half may be walls, and "
            f"each body needs two: raise arena to {enough}, or have at most {most} "
            "objects and players."
        )


def _check_game(dials: Complexity) -> None:
    """Refuse too few rules, kinds or objects for what a game is made of."""
    listed = ", ".join(DEEDS)
    if dials.rules and not set(dials.predicates) & set(DEEDS):
        raise Refusal(
            f"Rules need a predicate that comes about by an act, and predicates has "
            f"none: add one of {listed}, or set rules and chain to 0."
        )
    if dials.chain > dials.rules:
        raise Refusal(
            f"A chain of {dials.chain} rules needs as many rules, and there are "
            f"{dials.rules}: raise rules, or lower chain."
        )
    several = dials.atoms > 1
    needed = 2 * (dials.chain + 1) + 2 * several
    if dials.types < needed:
        raise Refusal(
            f"With atoms {dials.atoms} and chain {dials.chain} a game needs {needed} "
            f"kinds of objects, and {dials.shapes} shapes × {dials.colours} colours "
            f"make {dials.types}: raise shapes or colours, or lower chain."
        )
    if several and dials.distractors < 2:
        raise Refusal(
            f"Goals of {dials.atoms} atoms are over distractors too, and there are "
            f"{dials.distractors}: raise distractors to 2, or set atoms to 1."
        )
    needed = dials.chain + 2 + dials.distractors
    if dials.objects < needed:
        raise Refusal(
            f"{dials.objects} objects are too few for the {dials.chain + 2} that a "
            f"chain of {dials.chain} rules and its goal may begin with, and "
            f"{dials.distractors} distractors: raise objects to {needed}, or lower "
            "chain or distractors."
        )


#: Named settings of all dials, from the smallest on.
PRESETS: dict[str, Complexity] = {
    "reach": Complexity(
        arena=5,
        levels=0,
        terrain="empty",
        objects=3,
        shapes=2,
        colours=2,
        predicates=("touching", "near"),
        rules=0,
        chain=0,
        distractors=1,
        hidden=0.0,
        duration=50,
    ),
    "small": Complexity(
        arena=7, levels=1, objects=5, rules=2, chain=1, distractors=2, duration=100
    ),
    "default": Complexity(),
    "trials": Complexity(trials=4, duration=100),
    "large": Complexity(
        arena=15,
        levels=3,
        objects=16,
        shapes=4,
        colours=4,
        rules=8,
        chain=4,
        distractors=6,
        frozen=0.2,
        duration=200,
    ),
    "two": Complexity(players=2, objects=10, frozen=0.2),
    "xland1": Complexity(
        predicates=PREDICATES,
        atoms=6,
        rules=0,
        chain=0,
        distractors=4,
        hidden=0.0,
        players=2,
        goals="independent",
    ),
}


def preset(name: str, **dials: Any) -> Complexity:
    """Find a preset by name and turn some of its dials; refuse an unknown one.

    A list of predicates, as a file gives it, is taken as a tuple.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise Refusal(
            f"XLand has no preset {name!r}; choose one of: {', '.join(PRESETS)}."
        )
    known = {field.name for field in dataclasses.fields(Complexity)}
    for dial in dials:
        if dial not in known:
            raise Refusal(
                f"XLand has no dial {dial!r}; it has: {', '.join(sorted(known))}."
            )
    if isinstance(dials.get("predicates"), list):
        dials["predicates"] = tuple(dials["predicates"])
    return dataclasses.replace(PRESETS[name], **dials)
