"""Descent: the lineage of a population as rows of the table `lineage`."""

import json
from typing import Any

import numpy as np

from allometry.agents import lineage as lineages
from allometry.agents.lineage import Lineage


def rows(
    run: str, lineage: Lineage, begun: int, ended: int, interactions: int
) -> list[dict[str, Any]]:
    """Give what came of the exploits before the iterations from `begun` to `ended`.

    The beginning of the population counts as one, before iteration 0. `interactions`
    are those of one iteration.
    """
    log = lineages.read(lineage)
    events = [
        row
        for row, iteration in enumerate(log.iteration.tolist())
        if begun <= iteration < ended
    ]
    return [
        {
            "run": run,
            "interactions": int(log.iteration[row]) * interactions,
            "member": member,
            "parent": int(log.parent[row][member]),
            "fitness": _fitness(log, row, member),
            "settings": json.dumps(
                {name: float(x[row][member]) for name, x in log.settings.items()}
            ),
        }
        for row in events
        for member in range(log.parent.shape[1])
    ]


def _fitness(log: Lineage, row: int, member: int) -> float | None:
    """Give what was compared; nothing was at the beginning."""
    fitness = float(log.fitness[row][member])
    return fitness if row and np.isfinite(fitness) else None
