"""Counts against enumerations: everything small enough is written out and counted."""

import itertools
import math

import pytest

from allometry.environments.xland import size
from allometry.environments.xland.complexity import PREDICATES, Complexity

TINY = Complexity(
    arena=4,
    levels=0,
    terrain="empty",
    objects=2,
    shapes=2,
    colours=1,
    predicates=("hold",),
    rules=0,
    chain=0,
    distractors=0,
    hidden=0.0,
)


def written_conditions(predicates, kinds, players):
    """Write out what a condition may say: kinds 0 …, then players, then colours."""
    things = range(kinds + players)
    players = range(kinds, kinds + players)

    def itself(a, b):
        return a == b and a in players

    for name in predicates:
        for a, b in itertools.product(things, things):
            if (
                (name in ("touching", "near", "sight") and not itself(a, b))
                or (name == "hold" and a in players and b not in players)
                or (name == "see" and a in players and a != b)
            ):
                yield name, a, b
        if name == "on":
            yield from ((name, a, colour) for a in things for colour in (1, 2, 3))


@pytest.mark.parametrize(
    "predicates", [PREDICATES, ("near",), ("hold", "see"), ("on",)]
)
@pytest.mark.parametrize(("kinds", "players"), [(1, 1), (2, 1), (3, 2), (4, 4)])
def test_conditions_are_those_that_can_be_written(predicates, kinds, players):
    listed = set(written_conditions(predicates, kinds, players))
    assert size.conditions(predicates, kinds, players) == len(listed)


def clauses(count):
    """Part atoms 0 … count − 1 into clauses, in every way."""
    if count == 0:
        yield ()
        return
    for rest in clauses(count - 1):
        for number in range(max(rest, default=-1) + 2):
            yield (*rest, number)


@pytest.mark.parametrize("atoms", [1, 2, 3])
def test_goals_are_all_lists_of_atoms_in_all_clauses(atoms):
    conditions = list(written_conditions(("hold", "see"), 1, 1))
    each = list(itertools.product(conditions, (False, True)))
    goals = {
        (chosen, parts)
        for count in range(1, atoms + 1)
        for chosen in itertools.product(each, repeat=count)
        for parts in clauses(count)
    }
    assert size.log_goals(atoms, len(conditions)) == pytest.approx(math.log(len(goals)))


def test_six_atoms_are_parted_in_203_ways():
    once = size.log_goals(6, 1)
    ways = sum(2**count * len(list(clauses(count))) for count in range(1, 7))
    assert once == pytest.approx(math.log(ways))


def test_rules_are_all_lists_of_conditions_and_spawns():
    conditions = list(written_conditions(("hold", "near"), 1, 1))
    spawns = list(itertools.product((None, 0), repeat=3))
    each = list(itertools.product(conditions, spawns))
    lists = [
        rule for count in range(3) for rule in itertools.product(each, repeat=count)
    ]
    assert size.log_rules(2, len(conditions), 1) == pytest.approx(math.log(len(lists)))
    assert size.log_rules(0, 0, 5) == 0


def test_worlds_are_all_cells_of_all_floors_and_walls():
    flats = [("flat", height) for height in range(3)]
    ramps = [("ramp", foot, way) for foot in range(2) for way in "ESWN"]
    painted = list(itertools.product(flats + ramps, range(4)))
    for floors, paint in ((flats + ramps, False), (painted, True)):
        cells = list(itertools.product([*floors, "wall"], repeat=2))
        found = size.log_worlds(2, 2, walls=True, painted=paint)
        assert found == pytest.approx(math.log(len(cells)))
    assert size.log_worlds(81, 0, walls=False, painted=False) == 0


def test_placings_are_those_of_players_and_slots(monkeypatch):
    monkeypatch.setattr(size, "PLACES", 2)
    monkeypatch.setattr(size, "HEADINGS", 3)
    spots = list(itertools.product(range(4), range(2)))
    player = list(itertools.product(spots, range(3)))
    slot = [None, *itertools.product(spots, range(2))]
    states = set(itertools.product(player, slot, slot))
    assert size.log_placings(4, 2, 1, 2) == pytest.approx(math.log(len(states)))


def test_the_size_of_a_tiny_setting_is_that_of_all_its_states_and_games():
    cells = 16
    states = (cells * 8 * 8) * (cells * 8 * 2 + 1) ** 2
    # To hold one of two kinds, or not; each of two slots has one of them or nothing.
    games = 4 * 3**2
    found = TINY.size()
    assert found["log_states"] == pytest.approx(math.log(states))
    assert found["log_games"] == pytest.approx(math.log(games))
    assert found["log_actions"] == pytest.approx(math.log(3**6))
    policies = math.log(math.log(3**6)) + math.log(states) + math.log(games)
    assert found["log_log_policies"] == pytest.approx(policies)
    # ln ln |A|^(|S| |G|), the number itself being out of reach.
    assert found["log_log_policies"] == pytest.approx(
        math.log(states * games * math.log(3**6))
    )
