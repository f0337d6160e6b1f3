"""XLand in two and a half dimensions: an environment with a dial for every complexity.

Players in a procedurally drawn arena with heights are rewarded for every agent step on
which their goal holds. Production rules change objects into others, some of it hidden;
an episode is several trials of one task, each from the same start (Open Ended Learning
Team 2021, arXiv 2107.12808; Adaptive Agent Team 2023, arXiv 2301.07608).
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from allometry.environments.environment import TimeStep
from allometry.environments.xland import action as actions
from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.copies import copies_last, settled
from allometry.environments.xland.game import Goal, Rules, produce, satisfied
from allometry.environments.xland.play import Players, advance
from allometry.environments.xland.relation import Relations, relate
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.shift import split
from allometry.environments.xland.tasks.task import POOL, Task, check_pool, sample
from allometry.environments.xland.terrain import Land, Place, floor
from allometry.environments.xland.views.views import VIEWS, View
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec


class State(NamedTuple):
    """The task, the bodies, the players, and the clock of the episode.

    `relations` are those between the bodies as they are. `time` counts agent steps of
    the trial, `trial` the trials before it.
    """

    task: Task
    bodies: Bodies
    players: Players
    relations: Relations
    time: Int[Array, ""]
    trial: Int[Array, ""]


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=[],
    meta_fields=["dials", "observation", "held_out", "worlds", "games", "novelty"],
)
@dataclasses.dataclass(frozen=True)
class XLand:
    """XLand with its dials.

    `observation` is one of `VIEWS`; `held_out` draws tasks of the other split; `worlds`
    and `games` bound the pool that tasks are drawn from; `novelty` is what every task
    has that training has not (see `tasks.shift`).
    """

    dials: Complexity = dataclasses.field(default_factory=Complexity)
    observation: str = "entities"
    held_out: bool = False
    worlds: int = POOL
    games: int = POOL
    novelty: Novelty | None = None

    def __post_init__(self) -> None:
        """Refuse an observation that there is not, and a pool that cannot be."""
        if not isinstance(self.observation, str) or self.observation not in VIEWS:
            raise Refusal(
                f"XLand has no observation {self.observation!r}; choose one of: "
                f"{', '.join(VIEWS)}."
            )
        if not isinstance(self.held_out, bool):
            raise Refusal(f"held_out is {self.held_out!r}: give True or False.")
        for name in ("worlds", "games"):
            check_pool(name, getattr(self, name))

    @property
    def view(self) -> View:
        """What is observed."""
        return VIEWS[self.observation]

    @property
    def spec(self) -> EnvironmentSpec:
        """What is observed, one action per player, reward 0 or 1."""
        return EnvironmentSpec(
            self.view.spec(self.dials),
            actions.spec(self.dials.actions),
            players=self.dials.players,
            reward_range=(0.0, 1.0),
        )

    def shifted(self, name: str) -> "XLand":
        """Give the environment of a split outside of training, of `tasks.shift`.

        Raises `Refusal` for an unknown name, or where a dial leaves no room.
        """
        found = split(name, self.dials)
        return dataclasses.replace(
            self, dials=found.dials, held_out=True, novelty=found.novelty
        )

    def size(self) -> dict[str, float]:
        """Give natural logarithms of the numbers of states, games, actions, policies.

        See `Complexity.size`.
        """
        return self.dials.size()

    def sample_task(self, key: Key[Array, ""]) -> Task:
        """Draw a task of this environment's split; the key is consumed."""
        return sample(
            key,
            self.dials,
            held_out=self.held_out,
            worlds=self.worlds,
            games=self.games,
            novelty=self.novelty,
        )

    def reset(self, key: Key[Array, ""], task: Task) -> tuple[State, TimeStep]:
        """Begin the first trial of a task; the key draws headings."""
        land = settled(task.terrain.land())
        begun = self._begun(key, task, land)
        state = State(task, *begun, jnp.int32(0), jnp.int32(0))
        nothing = jnp.zeros(self.dials.players)
        spec = self.spec.action
        action = jnp.zeros((self.dials.players, *spec.shape), spec.dtype)
        over = jnp.array(False)
        return state, self._shown(state, nothing, action, over, land, first=True)

    def step(
        self, key: Key[Array, ""], state: State, action: Array
    ) -> tuple[State, TimeStep]:
        """Fire rules, act, let physics run, reward; begin a new trial when time is up.

        Rules fire on the state that the last time step showed: goals, conditions and
        what is observed are all of one state. The observation after the end of a trial
        is that of the next one's start; the last trial's end is the episode's.
        """
        dials, task = self.dials, state.task
        intent = actions.intend(dials.actions, action)
        land = settled(task.terrain.land())
        bodies, players, relations, reward = copies_last(self._played)(
            land, task.game.goal, task.game.rules, state[1:4], intent
        )
        time = state.time + 1
        trial = state.trial
        over = time >= dials.duration
        last = trial >= dials.trials - 1
        if dials.trials > 1:
            anew = over & ~last
            fresh = self._begun(key, task, land)
            bodies, players, relations = jax.tree.map(
                lambda new, old: jnp.where(anew, new, old),
                fresh,
                (bodies, players, relations),
            )
            time, trial = jnp.where(anew, 0, time), trial + anew
        state = State(task, bodies, players, relations, time, trial)
        answer = self._shown(
            state, reward.astype(jnp.float32), action, over, land, first=False
        )
        return state, answer._replace(truncated=over & last)

    def _played(
        self,
        land: Land,
        goal: Goal,
        rules: Rules,
        last: tuple[Bodies, Players, Array],
        intent: actions.Intent,
    ) -> tuple[Bodies, Players, Array, Array]:
        """Play one agent step; arrays may have trailing axes of copies."""
        dials = self.dials
        bodies, players, relations = last
        if dials.rules:
            bodies = settled(produce(rules, bodies, relations, dials.types))
        bodies, players = advance(bodies, players, intent, land, dials.colours)
        relations = self._relations(land, bodies, players.heading)
        reward = satisfied(goal, bodies, relations, dials.types)
        return bodies, players, relations, reward

    def _relations(self, land: Land, bodies: Bodies, heading: Array) -> Array:
        predicates = self.dials.predicates
        return settled(
            relate(
                bodies,
                heading,
                land,
                sights="sight" in predicates,
                floors="on" in predicates,
            )
        )

    def _begun(
        self, key: Array, task: Task, land: Land
    ) -> tuple[Bodies, Players, Array]:
        """Place all bodies as at the start of a trial; headings are drawn."""
        dials = self.dials
        count = dials.players
        heading = jax.random.uniform(key, (count,), maxval=2 * jnp.pi)
        place = copies_last(self._placed)
        bodies, relations = place(
            land, (task.x, task.y), task.game.kinds, task.game.frozen, heading
        )
        return bodies, Players(heading, jnp.zeros(count, jnp.int32)), relations

    def _placed(
        self, land: Land, place: Place, kinds: Array, frozen: Array, heading: Array
    ) -> tuple[Bodies, Array]:
        count, copies = self.dials.players, kinds.shape[1:]
        kind = jnp.concatenate([jnp.full((count, *copies), -1, jnp.int32), kinds])
        still = jnp.zeros(kind.shape)
        bodies = Bodies(
            x=place[0],
            y=place[1],
            u=still,
            v=still,
            height=floor(land, place),
            climb=still,
            kind=kind,
            exists=jnp.concatenate([jnp.ones((count, *copies), bool), kinds >= 0]),
            frozen=jnp.concatenate([jnp.zeros((count, *copies), bool), frozen]),
            holder=jnp.full(kind.shape, -1, jnp.int32),
        )
        return bodies, self._relations(land, bodies, heading)

    def _shown(
        self,
        state: State,
        reward: Array,
        action: Any,
        over: Array,
        land: Land,
        *,
        first: bool,
    ) -> TimeStep:
        never = jnp.array(False)
        observe = copies_last(functools.partial(self.view.observe, self.dials))
        seen = observe(land, *state[1:], reward)
        return TimeStep(
            observation=self.view.whole(self.dials, state.task, seen),
            reward=reward,
            first=jnp.array(first),
            trial_end=over,
            terminated=never,
            truncated=never,
            player_mask=jnp.ones(self.dials.players, bool),
            extras={"previous_action": action},
        )
