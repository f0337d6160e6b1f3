"""Reference: what a task is worth, by the best of a few scripted tries.

Scores of agents are read against it, as those of XLand are against the best that is
known of each task.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.scripted.scripted import play
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.task import POOL, make
from allometry.environments.xland.xland import XLand
from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Reference:
    """The reward per agent step and player, in [0, 1], that a script has got of a task.

    The task is that of the numbers `world` and `game` under `dials`, with what is new
    in every task of a split outside of training.
    """

    world: int
    game: int
    dials: Complexity
    scores: tuple[float, ...]
    novelty: Novelty | None = None

    @property
    def score(self) -> float:
        """Give the mean over players."""
        return sum(self.scores) / len(self.scores)

    def record(self) -> dict[str, Any]:
        """Give what can be written as JSON."""
        return {
            "world": self.world,
            "game": self.game,
            "dials": dataclasses.asdict(self.dials),
            "scores": list(self.scores),
            "novelty": self.novelty and dataclasses.asdict(self.novelty),
        }


def reference(
    environment: XLand, world: int, game: int, *, tries: int = 3
) -> Reference:
    """Find the reference of one task."""
    return references(environment, [(world, game)], tries=tries)[0]


def references(
    environment: XLand, numbers: Sequence[tuple[int, int]], *, tries: int = 3
) -> list[Reference]:
    """Find the references of tasks by the numbers of their worlds and games.

    Each is played `tries` times, with other headings and choices; the try with the
    highest mean over players counts.
    """
    if not numbers or tries < 1:
        raise Refusal("A reference needs a task and a try: give at least one of each.")
    for number in itertools.chain(*numbers):
        if not 0 <= number < 2 * POOL:
            raise Refusal(
                f"There is no world or game {number}: they are numbered from 0 to "
                f"{2 * POOL - 1:,}."
            )
    worlds, games = (jnp.array(side, jnp.int32) for side in zip(*numbers, strict=True))
    dials, novelty = environment.dials, environment.novelty
    tasks = jax.jit(jax.vmap(lambda w, g: make(w, g, dials, novelty)))(worlds, games)
    scores = np.stack(
        [
            play(environment, tasks, seed=n, attempt=n).rewards.mean(1, dtype=float)
            for n in range(tries)
        ]
    )
    best = scores.mean(-1).argmax(0)
    return [
        Reference(world, game, dials, tuple(scores[best[n], n].tolist()), novelty)
        for n, (world, game) in enumerate(numbers)
    ]


def write(path: Path, found: Iterable[Reference]) -> None:
    """Write references to a file, one in a line, as JSON.

    Raises `Refusal` for a file that cannot be written.
    """
    lines = [json.dumps(each.record()) + "\n" for each in found]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{path} cannot be written ({error.strerror}).") from None


def read(path: Path) -> list[Reference]:
    """Read references from a file.

    Raises `Refusal` for a file that cannot be read, and with the line of one that is no
    reference.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} cannot be read ({error}).") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            dials = record["dials"]
            dials["predicates"] = tuple(dials["predicates"])
            scores = tuple(float(score) for score in record["scores"])
            world, game = int(record["world"]), int(record["game"])
            novelty = record["novelty"] and Novelty(**record["novelty"])
            found.append(Reference(world, game, Complexity(**dials), scores, novelty))
        except (ValueError, TypeError, KeyError) as error:
            raise Refusal(
                f"{path.name}, line {number}: this is no reference ({error}). A line "
                "has world, game, dials, scores and novelty, as `write` leaves them."
            ) from None
    return found
