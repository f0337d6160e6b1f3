"""References: what a random policy and the best known player get of each test task.

They put tasks on one scale, as XLand's scores are fractions of the best reward that is
known of each (Open Ended Learning Team 2021, arXiv 2107.12808; Adaptive Agent Team
2023). The best is at first that of scripted players with full knowledge; where an agent
does better, `raised` writes it down instead. Both are of one trial, so that they serve
every number of trials. Measured once, they are kept in a file of JSON.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import jax
import numpy as np
from jaxtyping import Float
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationError,
)

from allometry.curves import durable
from allometry.curves.place import Place
from allometry.environments.xland import XLand
from allometry.refusal import Refusal
from allometry.studies.evaluation.handmade import ProbeSet
from allometry.studies.evaluation.play import (
    Episodes,
    RandomPolicy,
    Stage,
    check_count,
)
from allometry.studies.evaluation.sets import TestSet, in_trials

#: What has references: named tasks of one environment.
Tested = TestSet | ProbeSet
#: Who holds the best reward at first.
SCRIPTED = "scripted"
#: Random episodes of each task: with rewards' deviation of at most .5 over episodes,
#: the standard error of the mean is at most .09, and .01 on most.
REPETITIONS = 32
#: Scripted tries of each task; the best counts.
TRIES = 3
#: Dials that change neither the tasks nor what a random policy or a script gets.
_INDIFFERENT = ("trials", "view")
_EPISODES_AT_ONCE = 512
_SEED = 47
#: Bytes of a file of references; bounds the memory that it can take.
LIMIT = 64 * 2**20


class Reference(BaseModel):
    """One task's rewards per agent step, means over players.

    `random` is the mean of the random policy, `spread` its standard deviation over
    episodes; `best` is the best known, which `holder` has got.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    task: str
    random: FiniteFloat
    spread: Annotated[FiniteFloat, Field(ge=0)]
    best: FiniteFloat
    holder: str


class References(BaseModel):
    """The references of a test set, and what they were measured in.

    `dials` are the environment's, without those that make no difference; the random
    policy played `repetitions` episodes of each task, the scripted players `tries`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal["allometry references 1"] = "allometry references 1"
    split: str
    dials: dict[str, Any]
    novelty: dict[str, Any] | None
    repetitions: PositiveInt
    tries: PositiveInt
    tasks: tuple[Reference, ...]

    def first(self, count: int) -> "References":
        """Give the references of the first tasks only."""
        return self.model_copy(update={"tasks": self.tasks[:count]})

    def raised(
        self, rewards: Float[np.ndarray, " n"] | Sequence[float], holder: str
    ) -> "References":
        """Let `holder` hold the best of each task where its reward is higher.

        `rewards` `[n]` are per agent step, of the trial that is to count. Scores
        against the references as they were are on another scale.
        """
        if len(rewards) != len(self.tasks):
            raise Refusal(
                f"There are {len(rewards)} rewards for {len(self.tasks)} tasks: give "
                "one of each."
            )
        tasks = [
            task.model_copy(update={"best": float(reward), "holder": holder})
            if reward > task.best
            else task
            for task, reward in zip(self.tasks, rewards, strict=True)
        ]
        return self.model_copy(update={"tasks": tuple(tasks)})


def measure(
    tested: Tested, *, repetitions: int = REPETITIONS, tries: int = TRIES
) -> References:
    """Measure the references of a test set.

    Raises `Refusal` for less than one repetition or try.
    """
    check_count("repetitions", repetitions)
    check_count("tries", tries)
    best = tested.scripted(tries)
    drawn = random_rewards(tested, repetitions)
    numbers = zip(tested.names, drawn.mean(1), drawn.std(1), best, strict=True)
    return References(
        split=tested.split,
        repetitions=repetitions,
        tries=tries,
        tasks=tuple(
            Reference(
                task=name,
                random=float(mean),
                spread=float(spread),
                best=float(most),
                holder=SCRIPTED,
            )
            for name, mean, spread, most in numbers
        ),
        **_circumstances(tested.environment),
    )


def random_rewards(tested: Tested, repetitions: int) -> Float[np.ndarray, "n R"]:
    """Give the random policy's rewards per agent step, means over players."""
    single = in_trials(tested.environment, 1)
    # A random policy looks at nothing: what is cheapest to draw is shown.
    environment = dataclasses.replace(single, observation="entities")
    episodes = Episodes(
        trials=1,
        steps=environment.dials.steps,
        repetitions=repetitions,
        at_once=_EPISODES_AT_ONCE,
    )
    policy, key = RandomPolicy(environment.spec), jax.random.key(_SEED)
    rewards = Stage().played(policy, environment, episodes, (), tested.tasks, key)
    return np.asarray(rewards, np.float64).mean((2, 3))


def file_name(tested: Tested) -> str:
    """Name a file for the references of a test set, after its split and dials."""
    about = json.dumps(_circumstances(tested.environment), sort_keys=True)
    digest = hashlib.sha256(about.encode()).hexdigest()[:12]
    return f"{tested.split}-{digest}.json"


def write(path: Place, references: References) -> None:
    """Write references to a file, whole or not at all, in place of what it held.

    Raises `Refusal` where it cannot be written.
    """
    durable.make_folder(path.parent)
    text = references.model_dump_json(indent=1) + "\n"
    durable.replace(path, text.encode())


def load(path: Place, tested: Tested) -> References:
    """Read the references of a test set from a file, which may have more tasks.

    Raises `Refusal` for a file that cannot be read, and for one of another split, of
    other dials or tasks, or of fewer tasks.
    """
    found = _read(path)
    _check_same(path, found, tested)
    return found.first(len(tested.names))


def kept(path: Place, tested: Tested) -> References:
    """Read the references of a test set, or measure them and write them there.

    Those of fewer tasks make way for all of them: a shorter set is the beginning of a
    longer one, and what is measured of its tasks is the same.
    """
    if durable.exists(path) and len(_read(path).tasks) >= len(tested.names):
        return load(path, tested)
    found = measure(tested)
    write(path, found)
    return found


def _read(path: Place) -> References:
    try:
        return References.model_validate_json(durable.read(path, LIMIT))
    except FileNotFoundError:
        raise Refusal(f"{path} cannot be read: it does not exist.") from None
    except durable.Damaged as error:
        raise Refusal(f"{path} cannot be read: it {error.reason}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Refusal(
            f"{path} holds no references: {where}: {first['msg']}. Name another file, "
            "or delete it, and they are measured anew."
        ) from None


def _circumstances(environment: XLand) -> dict[str, Any]:
    """Give dials and novelty as JSON has them: with lists for tuples."""
    dials = dataclasses.asdict(environment.dials)
    for name in _INDIFFERENT:
        del dials[name]
    novelty = environment.novelty and dataclasses.asdict(environment.novelty)
    about: dict[str, Any] = json.loads(json.dumps({"dials": dials, "novelty": novelty}))
    return about


def _check_same(path: Place, found: References, tested: Tested) -> None:
    """Refuse references of anything but the test set."""
    remedy = "Name another file, or delete this one, and they are measured anew."
    if found.split != tested.split:
        raise Refusal(
            f"{path} has the references of the split {found.split}, and those of "
            f"{tested.split} are needed. {remedy}"
        )
    wanted = _circumstances(tested.environment)
    if found.novelty != wanted["novelty"]:
        raise Refusal(
            f"{path} has references of tasks in which other things are new: "
            f"{found.novelty}, not {wanted['novelty']}. {remedy}"
        )
    for dial, value in wanted["dials"].items():
        other = found.dials.get(dial)
        if other != value:
            raise Refusal(
                f"{path} has references for {dial} {other!r}, and the test set has "
                f"{dial} {value!r}. {remedy}"
            )
    names = tested.names
    if len(found.tasks) < len(names):
        raise Refusal(
            f"{path} has references of {len(found.tasks)} tasks, and the test set has "
            f"{len(names)}. {remedy}"
        )
    for task, name in zip(found.tasks, names, strict=False):
        if task.task != name:
            raise Refusal(
                f"{path} has a reference of task {task.task} where the test set has "
                f"{name}. {remedy}"
            )
