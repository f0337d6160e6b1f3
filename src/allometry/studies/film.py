"""Film: an episode of the run that scored best, kept beside the study's tables.

It is on the held-out task on which that run gained most from its first trial to its
last, by the scores at the end of training; the episode itself is played anew.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Key

from allometry.curves.store import FILM, Store
from allometry.environments.xland import XLand
from allometry.environments.xland.pictures.draft import draft
from allometry.environments.xland.pictures.episode import Episode, begun_with
from allometry.environments.xland.pictures.strip import strip
from allometry.environments.xland.tasks.task import Task
from allometry.studies import checkpoint
from allometry.studies.evaluation.play import Player
from allometry.studies.evaluation.sets import HELD_OUT, TestSet, of_split
from allometry.studies.facts import Facts
from allometry.studies.program import QUICK
from allometry.studies.survey import Survey

_SEED = 67


def due(survey: Survey, store: Store) -> bool:
    """Say whether a finished study has an episode to be drawn, and no picture yet.

    Where a compaction has dropped the checkpoint, nobody is left to play it.
    """
    if (store.path / FILM).exists():
        return False
    chosen = _chosen(survey, store)
    if chosen is None:
        return False
    state = store.manifest(chosen[0].bundle.name)
    return state is not None and state.checkpoint is not None


def write(survey: Survey, store: Store) -> Path:
    """Play the episode and draw it; `due` says if there is one."""
    chosen = _chosen(survey, store)
    if chosen is None:
        raise ValueError(f"{store.path} has no scores of trials of held-out tasks")
    known, run, task = chosen
    environment = survey.environment(known.bundle)
    assert isinstance(environment, XLand)
    names = [each.name for each in known.bundle.runs]
    agent = known.bundle.runs[0].agent
    learner = _learner(survey, store, known, names.index(run))
    tested = _tested(environment, task)
    one = jax.tree.map(lambda leaf: leaf[tested.names.index(task)], tested.tasks)
    key = jax.random.key(_SEED)
    played = episode(agent, tested.environment, learner, one, key)
    path = store.path / FILM
    path.parent.mkdir(exist_ok=True)
    title = f"Run {run} · held-out task {task}"
    with draft(path) as rough:
        strip(played, environment.dials, title).save(rough)
    return path


def episode(
    player: Player, environment: XLand, learner: Any, task: Task, key: Key[Array, ""]
) -> Episode:
    """Play one episode of a task and keep all states; consumes the key."""
    players = environment.dials.players

    def step(carry: tuple[Any, ...], key: Key[Array, ""]) -> tuple[Any, Any]:
        state, shown, memory = carry
        act_key, step_key = jax.random.split(key)
        action, memory, _ = player.act(learner, shown, memory, act_key)
        state, shown = environment.step(step_key, state, action)
        return (state, shown, memory), (state, shown.reward)

    def all_of_it(learner: Any, task: Task, key: Key[Array, ""]) -> Any:
        reset_key, key = jax.random.split(key)
        first, shown = environment.reset(reset_key, task)
        memory = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (players, *jnp.shape(leaf))),
            player.initial_memory(learner),
        )
        keys = jax.random.split(key, environment.dials.steps)
        return first, jax.lax.scan(step, (first, shown, memory), keys)[1]

    play = jax.jit(all_of_it, compiler_options=QUICK)
    first, (after, reward) = jax.tree.map(np.asarray, play(learner, task, key))
    states = [
        jax.tree.map(lambda leaf, t=t: leaf[t], after) for t in range(len(reward))
    ]
    return begun_with(first, states, reward)


def _chosen(survey: Survey, store: Store) -> tuple[Facts, str, str] | None:
    """Choose a run, with its bundle, and a task; None if nothing was scored so."""
    at_end = pl.col("checkpoint") == pl.col("checkpoint").max().over("run")
    scores = store.scores().filter(pl.col("split") == HELD_OUT, pl.col("k") > 1)
    scores = scores.filter(at_end)
    last = scores.filter(pl.col("task") == HELD_OUT, pl.col("trial") == pl.col("k") - 1)
    for run in last.sort("score", "run", descending=[True, False])["run"].unique(
        maintain_order=True
    ):
        known = next(
            known
            for known in survey.facts
            if run in [each.name for each in known.bundle.runs]
        )
        environment = survey.environment(known.bundle)
        if not isinstance(environment, XLand):
            return None
        own = scores.filter(
            pl.col("run") == run, pl.col("k") == environment.dials.trials
        )
        own = own.filter(~pl.col("task").str.starts_with(HELD_OUT)).sort("trial")
        gains = own.group_by("task", maintain_order=True).agg(
            (pl.col("score").last() - pl.col("score").first()).alias("gain")
        )
        if gains.height:
            best = gains.sort("gain", "task", descending=[True, False])
            return known, run, best["task"][0]
    return None


def _tested(environment: XLand, task: str) -> TestSet:
    """Give the shortest test set that a task is in: the beginning of any longer one."""
    count = 1
    while task not in (tested := of_split(environment, count=count)).names:
        count *= 2
    return tested


def _learner(survey: Survey, store: Store, known: Facts, number: int) -> Any:
    """Give the learner of a run of a bundle, of a population that which was scored."""
    name, program = known.bundle.name, survey.program(known)
    arrays = store.checkpoint(name)
    assert arrays is not None, f"bundle {name} has scores and no checkpoint"
    states = checkpoint.unpack(program.shapes(), arrays, f"bundle {name}")
    state = jax.tree.map(lambda leaf: leaf[number], states)
    scored = store.progress(name).get("scored") or [0] * (number + 1)
    return program.trainee.learner(state, scored[number])
