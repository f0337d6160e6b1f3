"""Parts: what a probe's page says, read part by part and checked against the others.

Every refusal names the page's file and line, and says what is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from allometry.environments.xland.complexity import (
    COLOURS,
    PREDICATES,
    SHAPES,
    WHOLE,
    Complexity,
)
from allometry.environments.xland.probes import glyphs, sentence
from allometry.environments.xland.probes.cast import Clauses, Secret
from allometry.environments.xland.probes.glyphs import Drawing, Entry
from allometry.environments.xland.probes.page import Page
from allometry.environments.xland.probes.sentence import Atom, Rule
from allometry.environments.xland.scripted import skills
from allometry.refusal import Refusal

#: What a page calls hidden, besides single rules and objects.
_ALL, _PREDICATE = "all rules", "predicate of "
#: Dials that a page sets itself.
_DIALS = ("duration", "trials", "objects")

Plan = tuple[str, ...]
Legend = Mapping[str, Entry]
Rules = Mapping[str, Rule]


class Known(NamedTuple):
    """What the other parts of a page may be about.

    `placed` are the objects that are on the map; `objects` are these, and those that
    some rule spawns.
    """

    drawing: Drawing
    rules: Rules
    placed: frozenset[str]
    players: int

    @property
    def objects(self) -> frozenset[str]:
        """List the objects that may ever be there."""
        spawned = [name for rule in self.rules.values() for name in rule.spawns]
        return self.placed.union(spawned)

    @property
    def names(self) -> list[str]:
        """List players in words."""
        return [f"player {n + 1}" for n in range(self.players)]


def legend(page: Page) -> Legend:
    """Read what letters stand for."""
    found = {}
    for letter, text in page.value("legend").items():
        with page.at("legend", _key(letter), entry=letter):
            found[letter] = glyphs.entry(letter, text)
    return found


def drawing(page: Page, legend: Legend) -> Drawing:
    """Read the map; each letter but those of objects and floors stands on one cell."""
    try:
        drawn = glyphs.draw(page.value("map"), legend)
    except glyphs.Misdrawn as error:
        with page.at("map", row=error.row):
            raise
    for letter, entry in legend.items():
        count = len(drawn.cells.get(letter, ()))
        single = entry.what == "mark" or sentence.player(entry.what) is not None
        with page.at("legend", _key(letter), entry=letter):
            if not count:
                raise Refusal(f"{letter} is nowhere on the map.")
            if single and count > 1:
                raise Refusal(
                    f"{letter}, {entry.what}, stands on {count} cells of the map: "
                    "give it one."
                )
    return drawn


def players(page: Page, legend: Legend) -> int:
    """Count the players: they are numbered from 1, and each has a letter."""
    found = [sentence.player(entry.what) for entry in legend.values()]
    numbers = sorted(number for number in found if number is not None)
    with page.at("legend"):
        for wanted, number in enumerate(numbers or [1]):
            if number < wanted:
                raise Refusal(f"player {number + 1} has two letters: give it one.")
            if number != wanted:
                raise Refusal(
                    f"player {wanted + 1} is missing: players are numbered from 1, and "
                    "each has a letter."
                )
    return len(numbers)


def rules(page: Page) -> Rules:
    """Read the rules by name."""
    found = {}
    for name, text in page.value("rules", {}).items():
        with page.at("rules", _key(name), entry=name):
            found[name] = sentence.rule(text)
    return found


def goals(page: Page, players: int) -> tuple[Clauses, ...]:
    """Read the goal of every player: one for all, or each its own."""
    value = page.value("goal")
    if isinstance(value, str):
        with page.at("goal"):
            return (sentence.goal(value),) * players
    names = [f"player {n + 1}" for n in range(players)]
    found = []
    for name, text in _by_player(page, "goal", value, names).items():
        with page.at("goal", _key(f'"{name}"')):
            found.append(sentence.goal(text))
    return tuple(found)


def check_things(page: Page, goals: Sequence[Clauses], known: Known) -> None:
    """Refuse a goal or a rule over what there never is."""
    for name, rule in known.rules.items():
        with page.at("rules", _key(name), entry=name):
            _check_atom(rule.condition, known)
    with page.at("goal"):
        for clauses in goals:
            for clause in clauses:
                for atom in clause:
                    _check_atom(atom, known)


def placed(legend: Legend) -> frozenset[str]:
    """List the objects that are on the map."""
    what = [entry.what for entry in legend.values()]
    return frozenset(name for name in what if sentence.is_object(name))


def secrets(page: Page, known: Known) -> tuple[Secret, ...]:
    """Read what is hidden: from all players, or from each its own."""
    value = page.value("hidden", [])
    if isinstance(value, list):
        return (_secret(page, value, known),) * known.players
    nothing: dict[str, Any] = {name: [] for name in known.names}
    listed = _by_player(page, "hidden", {**nothing, **value}, known.names)
    return tuple(_secret(page, each, known) for each in listed.values())


def plans(page: Page, key: str, known: Known) -> tuple[Plan, ...]:
    """Read the plan of every player under `key`: lines that `skills` can parse."""
    value = page.value(key)
    if value is None:
        return ()
    found = _by_player(page, key, value, known.names)
    for lines in found.values():
        for line in lines:
            with page.at(key, _quoted(line)):
                skill = skills.parse(line)
                for target in (skill.thing, skill.tool, skill.to):
                    _check_target(target, known)
    return tuple(tuple(lines) for lines in found.values())


def needs(page: Page, known: Known) -> tuple[str, ...]:
    """Read what the solution needs: rules, objects, players."""
    there = [f"rule {name}" for name in known.rules]
    there += [*sorted(known.placed), *known.names]
    for need in page.value("needs"):
        with page.at("needs", _quoted(need)):
            if need not in there:
                raise Refusal(f"it needs {need!r}: there are {', '.join(there)}.")
    return tuple(page.value("needs"))


def dials(
    page: Page, legend: Legend, goals: Sequence[Clauses], known: Known
) -> Complexity:
    """Give the smallest dials for all that there may be.

    Slots for objects are those at the start and what each rule adds when it fires once,
    unless the page says how many `objects` there are.
    """
    looks = [name.split() for name in known.objects]
    atoms = [atom for clauses in goals for clause in clauses for atom in clause]
    used = {atom.predicate for atom in atoms}
    used |= {rule.condition.predicate for rule in known.rules.values()}
    start = sum(
        len(known.drawing.cells[letter])
        for letter, entry in legend.items()
        if sentence.is_object(entry.what)
    )
    count = max(sum(map(len, clauses)) for clauses in goals)
    # Dials also say how tasks are drawn: goals of several atoms need distractors.
    distractors = 2 if count > 1 else 0
    slots = start + sum(max(0, _grows(rule)) for rule in known.rules.values())
    default = Complexity()
    least = max(2 + distractors, start)
    _check_counts(page, legend, count, known)
    if page.value("objects", least) < least:
        with page.at("objects"):
            raise Refusal(
                f"objects is {page.value('objects')}: there are {start} on the map, "
                f"and room for {least} is the least there may be."
            )
    try:
        return Complexity(
            arena=max(known.drawing.height.shape) - 2,
            levels=int(known.drawing.height.max()),
            terrain="empty",
            density=0.0,
            objects=page.value("objects", max(2 + distractors, slots)),
            shapes=max([default.shapes, *(1 + SHAPES.index(s) for _, s in looks)]),
            colours=max([default.colours, *(1 + COLOURS.index(c) for c, _ in looks)]),
            predicates=tuple(name for name in PREDICATES if name in used),
            atoms=count,
            rules=len(known.rules),
            chain=0,
            distractors=distractors,
            hidden=0.0,
            players=known.players,
            trials=page.value("trials", 1),
            duration=page.value("duration"),
        )
    except Refusal as error:
        said = [key for key in _DIALS if f"dial {key} " in str(error)]
        with page.at(said[0] if said else "map"):
            raise


def _check_counts(page: Page, legend: Legend, atoms: int, known: Known) -> None:
    """Refuse more atoms, rules or heights than there may be, where they stand."""
    most = WHOLE["atoms"][1]
    if atoms > most:
        with page.at("goal"):
            raise Refusal(f"a goal has {atoms} atoms: at most {most} may be.")
    most, names = WHOLE["rules"][1], list(known.rules)
    if len(names) > most:
        with page.at("rules", _key(names[most]), entry=names[most]):
            raise Refusal(f"there are {len(names)} rules: at most {most} may be.")
    highest = int(known.drawing.height.max())
    room = (max(known.drawing.height.shape) - 3) // 2
    if highest > room:
        high = [letter for letter, entry in legend.items() if entry.height == highest]
        where = (
            page.at("legend", _key(high[0]), entry=high[0]) if high else page.at("map")
        )
        with where:
            raise Refusal(
                f"there is a floor at height {highest}, and on a map of this size "
                f"floors may be as high as {room}: draw it larger, or the floor lower."
            )


def _check_atom(atom: Atom, known: Known) -> None:
    for name in [atom.a] if atom.predicate == "on" else [atom.a, atom.b]:
        if sentence.player(name) is None and name not in known.objects:
            there = ", ".join(sorted(known.objects)) or "none"
            raise Refusal(
                f"it is over an unknown object, {name}, which is neither on the map "
                f"nor made by a rule: there are {there}."
            )
        if sentence.player(name) is not None and name not in known.names:
            raise Refusal(
                f"it is over {name}, and the map has {', '.join(known.names)}: give "
                "that player a letter, or name another."
            )


def _check_target(target: skills.Target | None, known: Known) -> None:
    """Refuse a place off the map, or a thing that there never is."""
    if isinstance(target, skills.Place):
        _check_place(target, known.drawing)
    elif target is not None and target.name:
        there = [*sorted(known.objects), *known.names, "held"]
        if target.name not in there:
            raise Refusal(
                f"there is never a {target.name} here: choose {', '.join(there)}."
            )


def _check_place(place: skills.Place, drawing: Drawing) -> None:
    single = [letter for letter, cells in drawing.cells.items() if len(cells) == 1]
    if place.mark and place.mark not in single:
        raise Refusal(
            f"there is no place @{place.mark}: choose a letter that stands on one cell "
            f"of the map ({', '.join(single)})."
        )
    x, y = place.cell
    wide, high = drawing.height.shape
    on_map = x < wide and y < high and drawing.height[x, y] != glyphs.WALLED
    if not place.mark and not on_map:
        raise Refusal(f"({x}, {y}) is no floor of the map: choose another cell.")


def _secret(page: Page, listed: Sequence[str], known: Known) -> Secret:
    whole, objects, predicates = set[str](), set[str](), set[str]()
    there = [_ALL, *(f"rule {name}" for name in known.rules)]
    there += [f"{_PREDICATE}{name}" for name in known.rules]
    there += sorted(known.objects)
    for text in listed:
        with page.at("hidden", _quoted(text)):
            if text not in there:
                raise Refusal(f"{text!r} cannot be hidden: choose {', '.join(there)}.")
        if text == _ALL:
            whole |= set(known.rules)
        elif text in known.objects:
            objects.add(text)
        elif text.startswith(_PREDICATE):
            predicates.add(text.removeprefix(_PREDICATE))
        else:
            whole.add(text.removeprefix("rule "))
    return Secret(frozenset(whole), frozenset(objects), frozenset(predicates))


def _by_player(
    page: Page, key: str, value: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Give a table's entries in the order of players; each has one, and none else."""
    for name in value:
        with page.at(key, _key(f'"{name}"')):
            if name not in names:
                raise Refusal(
                    f"{name!r} is in {key}, and the map has {', '.join(names)}."
                )
    with page.at(key):
        for name in names:
            if name not in value:
                raise Refusal(f"{name} is missing from {key}.")
    return {name: value[name] for name in names}


def _key(name: str) -> str:
    """Give the pattern of a line on which a key is written."""
    return rf"^\s*{re.escape(name)}\s*="


def _quoted(text: str) -> str:
    """Give the pattern of a line on which a text is written."""
    return rf"[\"']{re.escape(text)}[\"']"


def _grows(rule: Rule) -> int:
    """Count the objects that a rule adds."""
    condition = rule.condition
    taken = [condition.a] if condition.predicate == "on" else [condition.a, condition.b]
    return len(rule.spawns) - sum(sentence.is_object(name) for name in taken)
