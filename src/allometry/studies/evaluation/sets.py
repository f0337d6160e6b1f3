"""Sets: the tasks that agents are tested on, the same ones for every run.

A test set is a list of numbers of worlds and games, drawn once with a seed of its own.
Numbers are odd, those of training even: no task of a test set is one of training,
whatever the pool (see `environments.xland.tasks.task`). Where only worlds are unseen,
games have even numbers, and training may have had them in other worlds. A shorter set
is the beginning of a longer one.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from allometry.environments.xland import POOL, Complexity, XLand
from allometry.environments.xland.scripted import reference
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.task import Task, make
from allometry.refusal import Refusal
from allometry.studies.evaluation.play import check_count

#: The split of tasks like those of training.
HELD_OUT = "held_out"
#: The split of tasks in unseen worlds, whose games are of those that are trained on.
UNSEEN_WORLDS = "unseen_worlds"
#: Splits of tasks that are drawn as training's are.
ALIKE = (HELD_OUT, UNSEEN_WORLDS)
#: How many tasks a test set has, unless told otherwise.
TASKS = 1000
#: Seed of the numbers of test tasks, whatever the seed of a run.
_SEED = 43


@dataclasses.dataclass(frozen=True)
class TestSet:
    """The first `count` test tasks of a split, to be played in `environment`.

    Raises `Refusal` for an environment whose tasks are not held out, and for an empty
    set.
    """

    __test__ = False  # for pytest: this is no case of a test

    environment: XLand
    split: str = HELD_OUT
    count: int = TASKS

    def __post_init__(self) -> None:
        check_count("The number of test tasks", self.count)
        if not self.environment.held_out:
            raise Refusal(
                f"The test set {self.split} has an environment that draws its tasks "
                "where training does: set held_out to True, so that none was trained "
                "on."
            )

    @property
    def numbers(self) -> tuple[tuple[int, int], ...]:
        """Give the numbers of each task's world and game."""
        drawn = np.random.default_rng(_SEED).integers(POOL, size=(self.count, 2))
        odd = self.split != UNSEEN_WORLDS
        return tuple((2 * world + 1, 2 * game + odd) for world, game in drawn.tolist())

    @property
    def names(self) -> tuple[str, ...]:
        """Name the tasks by their numbers: world-game."""
        return tuple(f"{world}-{game}" for world, game in self.numbers)

    @property
    def tasks(self) -> Task:
        """Give the tasks, stacked `[n, ...]`."""
        worlds, games = jnp.array(self.numbers, jnp.int32).T
        environment = in_trials(self.environment, 1)
        return _made(environment.dials, environment.novelty, worlds, games)

    def scripted(self, tries: int) -> Float[np.ndarray, " n"]:
        """Give the scripted players' best reward per step of a trial, by task."""
        environment = scriptable(self.environment)
        found = reference.references(environment, self.numbers, tries=tries)
        return np.array([one.score for one in found])


def of_split(training: XLand, split: str = HELD_OUT, count: int = TASKS) -> TestSet:
    """Give the test set of a split for agents that `training` trains.

    The split is held_out, unseen_worlds, or one outside of training
    (`environments.xland.tasks.shift`). Worlds and games are drawn from all that there
    are, however few training has.
    Raises `Refusal` where training itself draws held-out tasks, and for a split that
    training leaves no room for.
    """
    check_apart(training)
    wide = dataclasses.replace(training, held_out=True, worlds=POOL, games=POOL)
    environment = wide if split in ALIKE else wide.shifted(split)
    return TestSet(environment, split, count)


def check_apart(training: XLand) -> None:
    """Raise `Refusal` for a training that draws held-out tasks."""
    if training.held_out:
        raise Refusal(
            "Training draws held-out tasks, so that no test set is apart from it: set "
            "held_out to False in training."
        )


def in_trials(environment: XLand, trials: int) -> XLand:
    """Give the environment with episodes of so many trials; its tasks are the same."""
    dials = dataclasses.replace(environment.dials, trials=trials)
    return dataclasses.replace(environment, dials=dials)


def scriptable(environment: XLand) -> XLand:
    """Give the environment with one trial, and the actions that scripts take."""
    dials = dataclasses.replace(environment.dials, trials=1, actions="factored")
    return dataclasses.replace(environment, dials=dials, observation="entities")


@functools.partial(jax.jit, static_argnums=(0, 1))
def _made(
    dials: Complexity,
    novelty: Novelty | None,
    worlds: Int[Array, " n"],
    games: Int[Array, " n"],
) -> Task:
    return jax.vmap(lambda world, game: make(world, game, dials, novelty))(
        worlds, games
    )
