"""Film: an episode of the run that scored best, kept beside the study's tables.

It is on the held-out task on which that run gained most from its first trial to those
after it, by the scores at the end of training. The largest of many gains is lucky, so
that the task is played anew: what is kept is the episode of the median gain of several.
"""

import io
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Key

from allometry.curves import durable
from allometry.curves.place import Place
from allometry.curves.store import FILM, Store
from allometry.environments.xland import XLand
from allometry.environments.xland.pictures.episode import Episode, begun_with
from allometry.environments.xland.pictures.strip import strip
from allometry.environments.xland.tasks.task import Task
from allometry.studies import checkpoint
from allometry.studies.compiled import QUICK
from allometry.studies.evaluation.play import Player
from allometry.studies.evaluation.sets import HELD_OUT, TestSet, of_split
from allometry.studies.facts import Facts
from allometry.studies.survey import Survey

_SEED = 67
#: Episodes of which that of the median gain is kept.
EPISODES = 15


def due(survey: Survey, store: Store) -> bool:
    """Say whether a finished study has an episode to be drawn, and no picture yet.

    Where a compaction has dropped the checkpoint, nobody is left to play it.
    """
    if durable.exists(store.path / FILM):
        return False
    chosen = _chosen(survey, store)
    if chosen is None:
        return False
    state = store.manifest(chosen[0].bundle.name)
    return state is not None and state.checkpoint is not None


def write(survey: Survey, store: Store) -> Place:
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
    keys = jax.random.split(jax.random.key(_SEED), EPISODES)
    played = median(
        episodes(agent, tested.environment, learner, one, keys),
        environment.dials.trials,
    )
    path = store.path / FILM
    title = f"Run {run} · held-out task {task}"
    drawn = io.BytesIO()
    strip(played, environment.dials, title).save(drawn, "png")
    durable.make_folder(path.parent)
    durable.replace(path, drawn.getvalue())
    return path


def episodes(
    player: Player,
    environment: XLand,
    learner: Any,
    task: Task,
    keys: Key[Array, " n"],
) -> list[Episode]:
    """Play n episodes of a task and keep all states; consumes the keys."""
    players, steps = environment.dials.players, environment.dials.steps

    def step(carry: tuple[Any, ...], key: Key[Array, ""]) -> tuple[Any, Any]:
        learner, state, shown, memory = carry
        act_key, step_key = jax.random.split(key)
        action, memory, _ = player.act(learner, shown, memory, act_key)
        state, shown = environment.step(step_key, state, action)
        return (learner, state, shown, memory), (state, shown.reward)

    def one(learner: Any, task: Task, key: Key[Array, ""]) -> Any:
        reset_key, key = jax.random.split(key)
        first, shown = environment.reset(reset_key, task)
        memory = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (players, *jnp.shape(leaf))),
            player.initial_memory(learner),
        )
        carry = (learner, first, shown, memory)
        return first, jax.lax.scan(step, carry, jax.random.split(key, steps))[1]

    play = jax.jit(jax.vmap(one, (None, None, 0)), compiler_options=QUICK)
    first, (after, reward) = jax.tree.map(np.asarray, play(learner, task, keys))
    return [
        begun_with(
            jax.tree.map(lambda leaf, n=n: leaf[n], first),
            [
                jax.tree.map(lambda leaf, n=n, t=t: leaf[n, t], after)
                for t in range(steps)
            ],
            reward[n],
        )
        for n in range(len(keys))
    ]


def median(played: Sequence[Episode], trials: int) -> Episode:
    """Choose the episode of the median gain of an odd number of them.

    A gain is that of the mean reward of later trials over the first one's.
    """

    def gain(one: Episode) -> float:
        by_trial = one.reward[1:].sum(1).reshape(trials, -1).mean(1)
        return float(by_trial[1:].mean() - by_trial[0])

    return sorted(played, key=gain)[len(played) // 2]


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
            (pl.col("score").slice(1).mean() - pl.col("score").first()).alias("gain")
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
