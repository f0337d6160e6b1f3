"""Fitting: whether an agent can play what it was not trained in.

Test tasks may have tables of more rows than training's. An agent whose network reads
sets takes any number of them, another has weights for each row: tracing its `act` with
the other shapes tells, without computing anything.
"""

from typing import Any

import jax

from allometry.environments.environment import Environment
from allometry.studies.evaluation.play import Episodes, Player, episode


def misfit(
    player: Player, learner: Any, training: Environment, environment: Environment
) -> str:
    """Say why an agent cannot play in an environment; "" if it can."""
    known, asked = training.spec, environment.spec
    if asked.action != known.action or asked.players != known.players:
        return "Its actions or players are not those of training."
    if asked.observation == known.observation:
        return ""

    def whole(learner: Any, key: Any) -> Any:
        task = environment.sample_task(key)
        return episode(player, environment, Episodes(1, 1), learner, task, key)

    try:
        jax.eval_shape(whole, learner, jax.random.key(0))
    except (TypeError, ValueError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        why = lines[0].strip().rstrip(".") if lines else type(error).__name__
        return (
            "Its observation has other shapes than training's, and the agent cannot "
            f"read them ({why})."
        )
    return ""
