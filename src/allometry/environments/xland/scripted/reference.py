"""Reference: what a task is worth, by the best of a few scripted tries.

Scores of agents are read against it, as those of XLand are against the best that is
known of each task.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.scripted.scripted import play
from allometry.environments.xland.tasks.task import make
from allometry.environments.xland.xland import XLand
from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Reference:
    """The reward per agent step and player, in [0, 1], that a script has got of a task.

    The task is that of the numbers `world` and `game` under `dials`.
    """

    world: int
    game: int
    dials: Complexity
    scores: tuple[float, ...]

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
    worlds, games = (jnp.array(side, jnp.int32) for side in zip(*numbers, strict=True))
    dials = environment.dials
    tasks = jax.jit(jax.vmap(lambda w, g: make(w, g, dials)))(worlds, games)
    scores = np.stack(
        [
            play(environment, tasks, seed=n, attempt=n).rewards.mean(1, dtype=float)
            for n in range(tries)
        ]
    )
    best = scores.mean(-1).argmax(0)
    return [
        Reference(world, game, dials, tuple(scores[best[n], n].tolist()))
        for n, (world, game) in enumerate(numbers)
    ]


def write(path: Path, found: Iterable[Reference]) -> None:
    """Write references to a file, one in a line, as JSON."""
    lines = [json.dumps(each.record()) + "\n" for each in found]
    path.write_text("".join(lines), encoding="utf-8")


def read(path: Path) -> list[Reference]:
    """Read references from a file.

    Raises `Refusal` with the line of one that is none.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            dials = record["dials"]
            dials["predicates"] = tuple(dials["predicates"])
            scores = tuple(float(score) for score in record["scores"])
            world, game = int(record["world"]), int(record["game"])
            found.append(Reference(world, game, Complexity(**dials), scores))
        except (ValueError, TypeError, KeyError) as error:
            raise Refusal(
                f"{path.name}, line {number}: this is no reference ({error}). A line "
                "has world, game, dials and scores, as `write` leaves them."
            ) from None
    return found
