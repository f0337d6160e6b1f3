"""Size: how many states, games and actions the dials of XLand allow, as logarithms.

What can be written down is counted, whether or not it is ever drawn: cells one by one,
slots of objects and rules in their order.
"""

import math
from collections.abc import Sequence

#: Places, and headings, that a body has in a cell when states are counted; values of a
#: number when continuous actions are.
PLACES, HEADINGS, VALUES = 8, 8, 8
#: Ways to part 0 … 6 atoms into conjunctions (Bell's numbers).
_PARTITIONS = (1, 1, 2, 5, 15, 52, 203)
_SPAWNS, _FLOORS = 3, 4


def conditions(predicates: Sequence[str], kinds: int, players: int) -> int:
    """Count the conditions over two of n = kinds + players things.

    n² − players for touching, near and sight (two objects may be of one kind); players
    × kinds for hold; players × (n − 1) for see; three colours for each on.
    """
    things = kinds + players
    counts = {
        "touching": things**2 - players,
        "near": things**2 - players,
        "sight": things**2 - players,
        "hold": players * kinds,
        "see": players * (things - 1),
        "on": things * (_FLOORS - 1),
    }
    return sum(counts[name] for name in predicates)


def log_worlds(cells: int, levels: int, *, walls: bool, painted: bool) -> float:
    """Give ln (f c + w)^cells: each of f = 1 + 5 levels floors in c colours, or a wall.

    A floor lies at one of levels + 1 heights or is one of 4 ramps up to one of the
    levels; colours count if goals are over them.
    """
    floors = (1 + 5 * levels) * (_FLOORS if painted else 1)
    return cells * math.log(floors + walls)


def log_placings(cells: int, kinds: int, players: int, objects: int) -> float:
    """Give ln [(cells · 8 · 8)^players (cells · 8 · kinds + 1)^objects]."""
    player = math.log(cells * PLACES * HEADINGS)
    return players * player + objects * math.log(cells * PLACES * kinds + 1)


def log_goals(atoms: int, conditions: int) -> float:
    """Give ln Σₖ Bₖ (2 conditions)ᵏ: 1 … `atoms` atoms, negated or not, in clauses."""
    return math.log(
        sum(_PARTITIONS[k] * (2 * conditions) ** k for k in range(1, atoms + 1))
    )


def log_rules(rules: int, conditions: int, kinds: int) -> float:
    """Give ln Σᵣ [conditions · (kinds + 1)³]ʳ: lists of 0 … `rules` rules."""
    each = conditions * (kinds + 1) ** _SPAWNS
    return math.log(sum(each**count for count in range(rules + 1)))
