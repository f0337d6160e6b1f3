"""Director: who does what next, decided anew whenever the objects have changed.

A director knows everything. It solves each goal from the objects that there are, gives
the next step of the chain, as a skill's line, to a player that can do it, and lets all
stand while their goals hold.
"""

import numpy as np

from allometry.environments.xland.scripted import actor, choice, skills, solver, truth
from allometry.environments.xland.scripted.choice import Step
from allometry.environments.xland.scripted.pilot import STAND, Action, Doing, Pilot
from allometry.environments.xland.scripted.solver import Atom, Firing, Solution
from allometry.environments.xland.scripted.view import View, World
from allometry.environments.xland.scripted.ways import Stock

#: Order in which the atoms of a clause are made to hold.
_TURN = {"bring": 0, "push": 0, "throw": 0, "take": 1, "go": 2, "touch": 2, "look": 3}
_LAST = 4
#: Agent steps, per cell of the arena's side, before a skill is thought to lead nowhere.
_PATIENCE = 15


class Director:
    """Plays one trial of a task for all players; `attempt` varies its choices.

    `said` tells when each line ended (agent step), whose it was, and how it ended.
    """

    def __init__(self, world: World, seen: View, attempt: int = 0):
        self.world, self.attempt = world, attempt
        players = range(world.dials.players)
        self.pilots = [Pilot(world, player, seen) for player in players]
        self.said: list[tuple[int, int, str, str]] = []
        self._lines = [""] * len(self.pilots)
        self._doing: list[Doing | None] = [None] * len(self.pilots)
        self._steps = [0] * len(self.pilots)
        self._failed: dict[str, int] = {}
        self._solved: dict[tuple[int, Stock], Solution | None] = {}
        self._stock = seen.stock
        self._reward = np.zeros(len(self.pilots))
        self._anew = True

    def act(self, seen: View, reward: np.ndarray) -> list[Action]:
        """Give the players' actions, after the last step's reward `[P]`."""
        for pilot in self.pilots:
            pilot.view = seen
        if seen.stock != self._stock:
            self._stock, self._anew = seen.stock, True
            self._failed.clear()
        if (reward != self._reward).any():
            self._reward, self._anew = reward, True
        if reward.all():
            return [STAND] * len(self.pilots)
        if self._anew:
            self._assign(reward)
        return [self._next(player) for player in range(len(self.pilots))]

    def plan(self, goal: int) -> list[Step]:
        """List all lines for a player's goal, from what there is now on."""
        solution = self._solution(goal)
        if solution is None:
            return []
        atoms = sorted(solution.atoms, key=_turn)
        todo = [atom for atom in atoms if not atom.negated or self._holds(atom)]
        steps = [self._begun(firing) for firing in solution.chain]
        steps += [self._made(atom) for atom in todo]
        return [step for some in steps for step in some]

    def _assign(self, reward: np.ndarray) -> None:
        """Give each player its next line, unless it is at it already."""
        self._anew = False
        wanted: dict[int, str] = {}
        for goal in np.flatnonzero(reward == 0).tolist():
            for player, line in self._coming(goal):
                wanted.setdefault(player, line)
        for player, pilot in enumerate(self.pilots):
            line = wanted.get(player, "")
            self._anew |= not wanted
            if line != self._lines[player]:
                self._lines[player], self._steps[player] = line, 0
                begun = actor.begin(pilot, skills.parse(line)) if line else None
                self._doing[player] = begun

    def _coming(self, goal: int) -> list[Step]:
        """List the next lines for a player's goal."""
        solution = self._solution(goal)
        if solution is None:
            return []
        for firing in solution.chain:
            if steps := self._begun(firing):
                return steps
        for atom in sorted(solution.atoms, key=_turn):
            if self._holds(atom) == atom.negated:
                return self._made(atom)
        return []

    def _next(self, player: int) -> Action:
        """Go on with a player's skill; when it ends, think again in the next step."""
        doing = self._doing[player]
        if doing is None:
            return STAND
        try:
            action = next(doing)
        except StopIteration as end:
            self._end(player, end.value or "done")
            return STAND
        self._steps[player] += 1
        if self._steps[player] > _PATIENCE * self.world.dials.arena:
            self._end(player, f"no end after {self._steps[player]} steps")
        return action

    def _end(self, player: int, how: str) -> None:
        line, time = self._lines[player], self.pilots[player].view.time
        self.said.append((time, player, line, how))
        self._failed[line] = self._failed.get(line, 0) + 1
        self._doing[player] = None
        self._lines[player], self._anew = "", True

    def _solution(self, goal: int) -> Solution | None:
        key = goal, self._stock
        if key not in self._solved:
            world = self.world
            self._solved[key] = solver.solve(
                world.game, world.dials, goal, stock=self._stock, floors=world.floors
            )
        return self._solved[key]

    def _holds(self, atom: Atom) -> bool:
        return truth.holds(self.world, self.pilots[0].view, atom.condition)

    def _begun(self, firing: Firing) -> list[Step]:
        """Give the line that makes a rule fire; none for one that fires by itself."""
        if firing.ways[0].deed == "itself":
            return []
        return choice.chosen(self.pilots, firing.ways, self._failed, self.attempt)

    def _made(self, atom: Atom) -> list[Step]:
        """Give the line after which an atom holds."""
        if atom.negated:
            return choice.undone(self.pilots, atom.condition)
        return choice.chosen(self.pilots, atom.ways, self._failed, self.attempt)


def _turn(atom: Atom) -> int:
    return _TURN.get(atom.ways[0].deed, _LAST) if atom.ways else _LAST
