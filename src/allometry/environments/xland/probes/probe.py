"""Probe: a task made by hand, to ask for one ability; 30 for one player, 28 for two.

Each is a file of `probes/one` or `probes/two` that reads like a page: what it asks, a
map in characters (`glyphs`), goal and rules in words (`sentence`), what is hidden, a
solution in the vocabulary of `skills`, and what the solution needs. The abilities are
those of the Adaptive Agent Team's hand-made tasks (2023, arXiv 2301.07608, appendix F);
maps and rules are ours.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from allometry.environments.xland.complexity import PREDICATES, Complexity
from allometry.environments.xland.game import Game
from allometry.environments.xland.probes import cast, glyphs, page, parts, sentence
from allometry.environments.xland.probes.cast import Clauses, Secret
from allometry.environments.xland.probes.page import Page
from allometry.environments.xland.probes.parts import Plan
from allometry.environments.xland.probes.sentence import Rule
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.told import tell
from allometry.refusal import Refusal

#: Folders of the probes that come with Allometry, by number of players.
_FOLDERS = {1: "one", 2: "two"}
#: Dials that bound how much of a probe fits.
_SIZES = ("arena", "levels", "objects", "shapes", "colours", "atoms", "rules")


@dataclasses.dataclass(frozen=True)
class Probe:
    """A hand-made task in words; `task` and `within` give it as arrays.

    `goals`, `secrets`, `solution` and `mistake` are of each player. `needs` names the
    rules ("rule make"), objects and players without which the solution must fail;
    `mistake` is a way that ends in nothing, empty where none is told.
    """

    name: str
    asks: str
    drawing: glyphs.Drawing
    legend: Mapping[str, glyphs.Entry]
    goals: tuple[Clauses, ...]
    rules: Mapping[str, Rule]
    secrets: tuple[Secret, ...]
    needs: tuple[str, ...]
    solution: tuple[Plan, ...]
    mistake: tuple[Plan, ...]
    dials: Complexity

    @property
    def task(self) -> Task:
        """Give the task for `XLand(probe.dials)`."""
        return self.within(self.dials)

    @property
    def places(self) -> dict[str, glyphs.Cell]:
        """Give the cells, x and y, of the letters that stand on one cell."""
        cells = self.drawing.cells.items()
        return {letter: found[0] for letter, found in cells if len(found) == 1}

    def within(self, dials: Complexity) -> Task:
        """Give the task in the shapes of `dials`: more room is wall, or empty slots.

        How long a trial lasts is the environment's. Raises `Refusal` for dials that it
        does not fit.
        """
        _check_room(self, dials)
        goal = cast.goal(self.goals, dials)
        rules = cast.rules(self.rules, dials)
        hidden = cast.hidden(self.secrets, self.rules, dials)
        placed = cast.placed(self.drawing, self.legend, dials)
        chain = jnp.int32(sum(need.startswith("rule ") for need in self.needs))
        game = Game(goal, rules, hidden, placed.kinds, placed.frozen, chain)
        terrain = cast.terrain(self.drawing, dials)
        return Task(terrain, placed.x, placed.y, game, tell(game, dials))

    def without(self, need: str) -> "Probe":
        """Take away a rule, all objects of a kind, or all that a player does."""
        number = sentence.player(need)
        if number is not None:
            plans = list(self.solution)
            plans[number] = ()
            return dataclasses.replace(self, solution=tuple(plans))
        if need.startswith("rule "):
            name = need.removeprefix("rule ")
            rules = {key: rule for key, rule in self.rules.items() if key != name}
            return dataclasses.replace(self, rules=rules)
        legend = {
            letter: entry._replace(what="floor") if entry.what == need else entry
            for letter, entry in self.legend.items()
        }
        return dataclasses.replace(self, legend=legend)


def names(players: int | None = None) -> tuple[str, ...]:
    """List the probes that come with Allometry, or those for so many players."""
    return tuple(name for name, count in _shipped() if players in (None, count))


def load(name: str) -> Probe:
    """Load a probe by its name; raises `Refusal` for one that there is not."""
    for known, count in _shipped():
        if known == name:
            return _probe(_page(_folder(count), name))
    raise Refusal(f"There is no probe {name!r}; choose one of: {', '.join(names())}.")


def read(path: Path) -> Probe:
    """Read a probe from a file of your own.

    Raises `Refusal` with file, line and what is allowed for whatever is wrong in it.
    """
    return _probe(_page(path.parent, path.stem))


def probes(players: int | None = None) -> tuple[Probe, ...]:
    """Load the probes that come with Allometry, or those for so many players."""
    return tuple(load(name) for name in names(players))


def common(many: Sequence[Probe]) -> Complexity:
    """Give the smallest dials that each of some probes fits, players being as many."""
    every = [probe.dials for probe in many]
    largest = {
        name: max(getattr(dials, name) for dials in every)
        for name in (*_SIZES, "distractors", "duration", "trials")
    }
    used = {name for dials in every for name in dials.predicates}
    predicates = tuple(name for name in PREDICATES if name in used)
    return dataclasses.replace(every[0], predicates=predicates, **largest)


def _folder(players: int) -> Any:
    return (
        resources.files("allometry.environments.xland") / "probes" / _FOLDERS[players]
    )


def _shipped() -> Iterable[tuple[str, int]]:
    for players in _FOLDERS:
        files = [file.name for file in _folder(players).iterdir()]
        for file in sorted(files):
            if file.endswith(".toml"):
                yield file.removesuffix(".toml"), players


def _page(folder: Any, name: str, above: tuple[str, ...] = ()) -> Page:
    """Read the page of that name in a folder; those `above` are like it.

    What a page is like may also be a probe that comes with Allometry.
    """
    if name in above:
        raise Refusal(f"{name} is like itself: name another probe, or none.")
    file = folder / f"{name}.toml"
    if above and not file.is_file():
        count = dict(_shipped()).get(name)
        file = file if count is None else _folder(count) / f"{name}.toml"
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refusal(
            f"There is no file {file}: name another, or a probe that comes with "
            "Allometry."
        ) from None
    except OSError as error:
        raise Refusal(f"{file} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    return page.read(
        file.name, text, lambda other: _page(folder, other, (*above, name))
    )


def _probe(source: Page) -> Probe:
    """Make a probe of a page."""
    legend = parts.legend(source)
    drawing = parts.drawing(source, legend)
    rules = parts.rules(source)
    players = parts.players(source, legend)
    known = parts.Known(drawing, rules, parts.placed(legend), players)
    goals = parts.goals(source, known.players)
    parts.check_things(source, goals, known)
    return Probe(
        name=source.value("name"),
        asks=source.value("asks"),
        drawing=drawing,
        legend=legend,
        goals=goals,
        rules=rules,
        secrets=parts.secrets(source, known),
        needs=parts.needs(source, known),
        solution=parts.plans(source, "solution", known),
        mistake=parts.plans(source, "mistake", known),
        dials=parts.dials(source, legend, goals, known),
    )


def _check_room(probe: Probe, dials: Complexity) -> None:
    """Refuse dials that a probe does not fit."""
    for name in _SIZES:
        needed, given = getattr(probe.dials, name), getattr(dials, name)
        if needed > given:
            raise Refusal(
                f"The probe {probe.name} needs {name} {needed}, and the dials have "
                f"{given}: raise {name}."
            )
    if probe.dials.players != dials.players:
        raise Refusal(
            f"The probe {probe.name} is for {probe.dials.players} players, and the "
            f"dials have {dials.players}: choose a probe for as many."
        )
    lacking = [name for name in probe.dials.predicates if name not in dials.predicates]
    if lacking:
        raise Refusal(
            f"The probe {probe.name} needs the predicate {lacking[0]}: add it to the "
            "dials' predicates."
        )
