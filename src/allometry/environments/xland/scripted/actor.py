"""Actor: a player that carries out skills one after the other."""

from collections.abc import Generator, Sequence

from allometry.environments.xland.scripted import (
    handling,
    pushing,
    throwing,
    view,
    walking,
)
from allometry.environments.xland.scripted.pilot import STAND, Action, Doing, Pilot
from allometry.environments.xland.scripted.skills import NOTHING, Place, Skill, Thing
from allometry.environments.xland.scripted.view import View, World

#: Agent steps that a skill may take before the next one begins; these take any number.
_BUDGET = 150
_WAITS = ("stay", "wait", "wait for", "wait for none", "wait at")
#: A skill that ends so is begun anew, after some agent steps.
_NOT_YET, _PAUSE = "there is no", 4
#: What a line says of the deed group of tagging.
_DEEDS = {"tag": 1, "free": 2}


class Actor:
    """A player with a plan.

    A skill over a thing that there is not, or to which there is no way, waits for it.
    `said` are pairs of a line and how it ended, or has gone so far.
    """

    def __init__(self, world: World, player: int, seen: View, plan: Sequence[Skill]):
        self.pilot = Pilot(world, player, seen)
        self.said: list[tuple[str, str]] = []
        self._doing = self._all(plan)

    def act(self, seen: View) -> Action:
        """Give the next action."""
        self.pilot.view = seen
        return next(self._doing, STAND)

    def _all(self, plan: Sequence[Skill]) -> Generator[Action, None, None]:
        for skill in plan:
            self.said.append((skill.line, "not finished"))
            ended = yield from self._one(skill)
            self.said[-1] = skill.line, ended

    def _one(self, skill: Skill) -> Generator[Action, None, str]:
        """Carry out a skill; wait where it cannot be done yet."""
        left = _BUDGET
        doing = begin(self.pilot, skill)
        while left:
            try:
                action = next(doing)
            except StopIteration as end:
                if not str(end.value).startswith(_NOT_YET):
                    return end.value or "done"
                self.said[-1] = skill.line, end.value
                for _ in range(_PAUSE):
                    yield STAND
                doing = begin(self.pilot, skill)
                continue
            yield action
            left -= skill.verb not in _WAITS
        return f"no end after {_BUDGET} steps"


def begin(pilot: Pilot, skill: Skill) -> Doing:
    """Begin a skill; its things may be brought together, those of no other rule."""
    pilot.meant = _meant(pilot, skill)
    thing, to = skill.thing, skill.to
    match skill.verb:
        case "go":
            return walking.go(pilot, to)
        case "touch":
            return walking.touch(pilot, thing)
        case "take":
            return handling.take(pilot, thing)
        case "drop":
            return handling.drop(pilot)
        case "bring":
            return handling.bring(pilot, thing, to)
        case "push" if skill.tool != NOTHING:
            return pushing.push_with(pilot, thing, skill.tool, to)
        case "push":
            return pushing.push(pilot, thing, to)
        case "throw":
            return throwing.throw(pilot, thing, to)
        case "look":
            return walking.look(pilot, to)
        case "look away":
            return walking.look_away(pilot)
        case "tag" | "free":
            return throwing.tag(pilot, thing, _DEEDS[skill.verb])
    return _waiting(pilot, skill)


def _waiting(pilot: Pilot, skill: Skill) -> Doing:
    """Stand for some steps, until something is so, or for ever."""
    if skill.verb == "wait":
        for _ in range(skill.steps):
            yield STAND
        return ""

    def so() -> bool:
        if skill.verb == "wait at" and isinstance(skill.to, Place):
            return walking.is_at(pilot, skill.thing, skill.to)
        there = bool(view.bodies(pilot.world, pilot.view, skill.thing))
        return {"wait for": there, "wait for none": not there}[skill.verb]

    while skill.verb == "stay" or not so():
        yield STAND
    return ""


def _meant(pilot: Pilot, skill: Skill) -> frozenset[frozenset[int]]:
    """List the pairs of things that a skill may bring together."""
    world, types = pilot.world, pilot.world.dials.types
    things = {types + pilot.player}
    for target in (skill.thing, skill.tool, skill.to):
        if isinstance(target, Thing) and target.name not in ("", "held"):
            things.add(view.thing(world, target.name))
    if pilot.held >= 0:
        things.add(int(pilot.view.kind[pilot.held]))
    return frozenset(frozenset((a, b)) for a in things for b in things)
