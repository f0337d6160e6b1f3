"""A number that is none, at step k, in a reward, a gradient or a parameter.

Of the runs of one program some meet it. Each is `nonfinite` at the end of the chunk in
which that happens, and stays at its last good state; the others are bit for bit what
they are where nobody meets anything; and the fit counts those that were lost.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from allometry.agents.agent import static, traced
from allometry.agents.ppo import PPO
from allometry.agents.registry import AGENTS
from allometry.curves.store import open_store
from allometry.environments import digits
from allometry.environments.environment import TimeStep
from allometry.environments.registry import ENVIRONMENTS
from allometry.laws.intrinsic.mean_curve import mean_curve
from allometry.laws.intrinsic.runs import finished
from allometry.laws.intrinsic.settings import IntrinsicSettings

#: Iterations at which the tiny study's curves are measured, 16 steps in 4 copies each.
CHECKPOINTS = (1, 2, 3, 5, 9, 16)
#: In iteration 3, the first of the fourth chunk: an environment's step, and a gradient
#: step, of which an iteration has four.
STEP, GRADIENT_STEP, CHUNK = 16 * 3 + 5, 4 * 3 + 2, 3
NEVER = 2**30


class State(NamedTuple):
    """The digits' state, the steps taken, and whether this copy will be spoilt."""

    inner: Any
    steps: Array
    marked: Array


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["inner", "at"], meta_fields=[]
)
@dataclasses.dataclass(frozen=True)
class SpoiltDigits:
    """Digits whose reward of step `at` is no number, in one of ten copies."""

    inner: Any
    at: Any

    @property
    def spec(self):
        return self.inner.spec

    @property
    def chance(self):
        return self.inner.chance

    def sample_task(self, key):
        return self.inner.sample_task(key)

    def reset(self, key, task) -> tuple[State, TimeStep]:
        marked = jax.random.uniform(jax.random.fold_in(key, 1)) < 0.1
        inner, timestep = self.inner.reset(key, task)
        return State(inner, jnp.int32(0), marked), timestep

    def step(self, key, state, action) -> tuple[State, TimeStep]:
        inner, timestep = self.inner.step(key, state.inner, action)
        spoilt = state.marked & (state.steps == self.at)
        reward = jnp.where(spoilt, jnp.nan, timestep.reward)
        after = State(inner, state.steps + 1, state.marked)
        return after, timestep._replace(reward=reward)

    def performance(self, policy):
        return self.inner.performance(policy)


@jax.custom_vjp
def spoilt(value: Array, hit: Array) -> Array:
    """Give the value as it is; where `hit`, its gradient is no number."""
    return value


spoilt.defvjp(
    lambda value, hit: (value, hit),
    lambda hit, cotangent: (jnp.where(hit, jnp.nan, cotangent), None),
)


@dataclasses.dataclass(frozen=True)
class SpoiltPPO(PPO):
    """PPO that at gradient step number `at` loses a number."""

    where: str = static("gradient", "gradient or parameter")
    at: float = traced(float(NEVER), "the gradient step")

    def update(self, learner, samples):
        hit = learner.optimiser.count == learner.settings["at"]
        told = learner.settings | {"at": hit.astype(jnp.float32)}
        after, metrics = super().update(learner._replace(settings=told), samples)
        if self.where == "parameter":
            head = after.networks.policy.head
            lost = head.bias.at[0].set(jnp.where(hit, jnp.nan, head.bias[0]))
            head = dataclasses.replace(head, bias=lost)
            policy = dataclasses.replace(after.networks.policy, head=head)
            networks = after.networks._replace(policy=policy)
            after = after._replace(networks=networks)
        return after._replace(settings=learner.settings), metrics

    def loss(self, networks, proximal, samples, settings):
        value, metrics = super().loss(networks, proximal, samples, settings)
        if self.where == "gradient":
            value = spoilt(value, settings["at"] > 0)
        return value, metrics


@pytest.fixture(autouse=True)
def spoilt_parts(monkeypatch):
    def load(at: int = NEVER):
        return SpoiltDigits(digits.load(), jnp.int32(at))

    monkeypatch.setitem(ENVIRONMENTS, "spoilt", load)
    monkeypatch.setitem(AGENTS, "spoilt", SpoiltPPO)


def survey(studies, where: str, *, spoilt: bool):
    """Give a study of one program; chance, or the grid, says which runs are spoilt."""
    if where == "reward":
        at = STEP if spoilt else NEVER
        environment = {"name": "spoilt", "at": at}
        return studies.survey_of(environment=environment, grid={"seeds": 6})
    at = float(GRADIENT_STEP) if spoilt else 3.0 * NEVER
    axes = {"width": [4], "at": [2.0 * NEVER, at]}
    return studies.survey_of(
        agent={"name": "spoilt", "where": where}, grid={"seeds": 1, "agent": axes}
    )


def states(studies, where: str, store) -> dict[str, dict[str, bytes]]:
    """Give the bits of each run's state in the newest checkpoint."""
    (facts,) = survey(studies, where, spoilt=True).facts
    assert facts.checkpoints == CHECKPOINTS
    arrays = store.checkpoint(facts.bundle.name).items()
    return {
        run.name: {name: array[number].tobytes() for name, array in arrays}
        for number, run in enumerate(facts.bundle.runs)
    }


@pytest.mark.parametrize("where", ["reward", "gradient", "parameter"])
def test_a_number_lost_at_step_k(studies, tmp_path, where):
    path, seen = tmp_path / "spoilt", {}

    def look(chunks: int) -> None:
        """See what is on record once the chunk before this one is committed."""
        store = open_store(path)
        if chunks - 1 in (CHUNK, CHUNK + 1):
            seen[chunks - 1] = statuses(store), states(studies, where, store)

    given = survey(studies, where, spoilt=True)
    watcher = studies.Watcher(on_advance=look)
    store, _ = studies.train(given, path, watcher=watcher)
    before = seen[CHUNK][1]
    assert set(seen[CHUNK][0].values()) == {"running"}
    # Committed at the end of the chunk in which it happened.
    told = seen[CHUNK + 1][0]
    lost = [run for run, status in told.items() if status == "nonfinite"]
    kept = [run for run in before if run not in lost]
    assert lost
    assert kept
    expected = dict.fromkeys(kept, "done") | dict.fromkeys(lost, "nonfinite")
    assert statuses(store) == expected
    after = states(studies, where, store)
    for run in lost:
        reached = store.curves().filter(run=run)["performance"]
        assert reached.is_null().to_list() == [n >= CHUNK for n in range(6)]
        assert after[run] == before[run]
    assert all(after[run] != before[run] for run in kept)

    calm, _ = studies.train(survey(studies, where, spoilt=False), tmp_path / "calm")
    assert set(calm.runs()["status"]) == {"done"}
    unharmed = store.checkpoint(store.bundles[0]), calm.checkpoint(calm.bundles[0])
    places = [number for number, run in enumerate(before) if run in kept]
    for name, array in unharmed[0].items():
        assert array[places].tobytes() == unharmed[1][name][places].tobytes(), name
    for table in ("curves", "scores"):
        one, other = (studies.deterministic(each)[table] for each in (store, calm))
        mine = one.filter(one["run"].is_in(kept))
        assert mine.height
        assert studies.same_bits(mine, other.filter(other["run"].is_in(kept)))
    check_counted(store, lost)


def statuses(store) -> dict[str, str]:
    return dict(store.runs().select("run", "status").iter_rows())


def check_counted(store, lost: list[str]) -> None:
    """Check that a law takes them for chance from there on, and can do without."""
    table = store.table()
    curves = {
        run: np.where(np.isnan(found), 0.1, found)
        for (run,), rows in table.partition_by("run", as_dict=True).items()
        for found in [rows["performance"].to_numpy()]
    }
    runs, _ = finished(table)
    size, settings = float(runs["parameters"][0]), IntrinsicSettings()
    mean = np.mean(list(curves.values()), axis=0)
    np.testing.assert_allclose(mean_curve(runs, size, settings).raw, mean)
    rest = runs.filter(runs["status"] != "nonfinite")
    mean = np.mean([curves[run] for run in curves if run not in lost], axis=0)
    np.testing.assert_allclose(mean_curve(rest, size, settings).raw, mean)
