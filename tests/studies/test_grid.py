import re

import jax
import numpy as np
import pytest

from allometry.agents.agent import traced_names
from allometry.agents.returns import discount_of_horizon
from allometry.refusal import Refusal
from allometry.studies.grid import bundles, runs
from allometry.studies.study import from_mapping, load, shipped


def names(study):
    return [[run.name for run in bundle.runs] for bundle in bundles(study)]


def grid(**keys):
    return {"grid": {"seeds": 2, "agent": {}} | keys}


@pytest.mark.parametrize("name", shipped())
def test_bundles_hold_every_run_once_under_names_that_files_may_have(name):
    study = load(name)
    together = [run for bundle in names(study) for run in bundle]
    points = np.prod([len(values) for values in study.axes.values()])
    assert len(together) == len(set(together)) == points * len(study.seeds)
    of_bundles = [bundle.name for bundle in bundles(study)]
    assert len(of_bundles) == len(set(of_bundles))
    for text in together + of_bundles:
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text)


def test_bundles_are_a_pure_function_of_the_study(studies):
    content = grid(agent={"width": [4, 5], "entropy": [0.0, 0.01]})
    one, other = (studies.survey_of(**content).study for _ in range(2))
    assert bundles(one) == bundles(other)


def test_what_does_not_change_the_program_shares_one(studies):
    agent = {"width": [4, 5], "learning_rate": [1e-3, 3e-3], "horizon": [1, 4]}
    study = studies.survey_of(agent={"horizon": None}, **grid(agent=agent)).study
    assert [bundle.name for bundle in bundles(study)] == ["width-4", "width-5"]
    for bundle in bundles(study):
        assert len(bundle.runs) == 2 * 2 * 2
        records = [vars(run.agent) for run in bundle.runs]
        traced = traced_names(bundle.runs[0].agent)
        static = [
            {name: value for name, value in record.items() if name not in traced}
            for record in records
        ]
        assert static == [static[0]] * len(static)


def test_a_section_of_one_agent_goes_over_what_all_have(studies):
    agent = {"name": ["ppo", "vmpo"]}
    common = {"name": None, "horizon": None, "learning_rate": 1e-3, "minibatches": 2}
    own = {"target_period": 8, "learning_rate": 2e-3}
    study = studies.survey_of(agent=common | {"vmpo": own}, **grid(agent=agent)).study
    ppo, _, vmpo, _ = (run.agent for run in runs(study))
    assert (ppo.learning_rate, vmpo.learning_rate) == (1e-3, 2e-3)
    assert (vmpo.target_period, vmpo.minibatches, ppo.minibatches) == (8, 2, 2)


def test_the_section_of_an_agent_that_is_not_trained_does_no_harm(studies):
    study = studies.survey_of(agent={"vmpo": {"target_period": 8}}, **grid()).study
    assert {type(run.agent).__name__ for run in runs(study)} == {"PPO"}


def test_every_static_key_has_a_program_of_its_own(studies):
    agent = {"width": [4, 5], "epochs": [1, 2]}
    study = studies.survey_of(**grid(agent=agent)).study
    assert [bundle.name for bundle in bundles(study)] == [
        f"width-{width}-epochs-{epochs}" for width in (4, 5) for epochs in (1, 2)
    ]


def test_bundles_are_cut_where_the_study_says(studies):
    study = studies.survey_of(**grid(seeds=5, runs_per_bundle=2)).study
    assert [bundle.name for bundle in bundles(study)] == [
        "all",
        "all-part-1",
        "all-part-2",
    ]
    assert names(study) == [
        ["seed-0", "seed-1"],
        ["seed-2", "seed-3"],
        ["seed-4"],
    ]


def test_a_horizon_sets_the_discount_and_stays_a_covariate(studies):
    study = studies.survey_of(**grid(agent={"width": [4]})).study
    for run in runs(study):
        assert run.agent.discount == discount_of_horizon(4)
        assert run.covariates == {"width": 4, "horizon": 4.0}


def test_no_two_runs_share_their_luck(studies):
    agent = {"width": [4, 5], "learning_rate": [1e-3, 3e-3]}
    study = studies.survey_of(**grid(agent=agent)).study
    keys = {tuple(jax.random.key_data(run.key).tolist()) for run in runs(study)}
    assert len(keys) == 2 * 2 * 2


def test_seeds_may_be_counted_or_listed(studies):
    assert studies.survey_of(**grid(seeds=3)).study.seeds == [0, 1, 2]
    assert studies.survey_of(**grid(seeds=[7, 3])).study.seeds == [7, 3]


VARIED = {
    "name": "varied",
    "environment": {"name": "xland", "preset": "reach"},
    "agent": {"torso": "encoder", "width": 8},
    "training": {"interactions": 1024, "copies": 4, "length": 16, "checkpoints": 2},
    "grid": {
        "seeds": 2,
        "agent": {"name": ["ppo", "vmpo"], "learning_rate": [1e-3, 2e-3]},
        "environment": {"trials": [1, 2]},
    },
}


def test_agents_and_options_of_the_environment_are_axes_too():
    found = bundles(from_mapping(VARIED, "the test"))
    # What is traced shares a program; another agent or environment never does.
    assert [bundle.name for bundle in found] == [
        "ppo-trials-1", "ppo-trials-2", "vmpo-trials-1", "vmpo-trials-2",
    ]  # fmt: skip
    for bundle in found:
        assert len(bundle.runs) == 4
        for run in bundle.runs:
            agent, trials = run.covariates["agent"], run.covariates["trials"]
            assert bundle.name == f"{agent}-trials-{trials}"
            assert type(run.agent).__name__.lower() == agent
            assert run.environment == (("trials", trials),)


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("environment", {"wings": [1, 2]}, "XLand has no dial 'wings'"),
        ("environment", {"preset": ["small"]}, "environment.preset gives one value"),
        ("environment", {"trials": [1, 1]}, "holds 1 twice"),
        ("environment", {"trials": [0]}, "trials is 0"),
        ("environment", {"width": [1]}, "width"),
        ("agent", {"name": ["ppo", "dqn"]}, 'grid.agent.name holds "dqn"; choose'),
        ("agent", {"name": ["ppo"], "sight": [2]}, 'has no key "sight"'),
    ],
)
def test_axes_that_cannot_be_are_refused(part, changes, words):
    grid = VARIED["grid"] | {part: changes}
    agent = VARIED["agent"] | ({} if part == "agent" else {"name": "ppo"})
    if part == "environment":
        grid |= {"agent": {}}
    with pytest.raises(Refusal, match=words):
        from_mapping(VARIED | {"grid": grid, "agent": agent}, "the test")


def test_one_agent_and_several_are_refused_together():
    agent = VARIED["agent"] | {"name": "ppo"}
    with pytest.raises(Refusal, match=r"agent\.name gives one agent and grid"):
        from_mapping(VARIED | {"agent": agent}, "the test")


@pytest.mark.parametrize(
    ("name", "evaluation", "words"),
    [
        ("digits", {}, "measured exactly, not by playing"),
        ("xland", {"final_splits": ["elsewhere"]}, "no split 'elsewhere'"),
        ("xland", {"final_trials": [99]}, "k is 99"),
        ("xland", {"threshold": 1.5}, "less than or equal to 1"),
        ("xland", {"tasks": 0}, "greater than or equal to 1"),
        ("xland", {"task": 3}, 'no key "evaluation.task"; the keys here are: tasks'),
    ],
)
def test_evaluations_that_cannot_be_are_refused(name, evaluation, words):
    content = VARIED | {"environment": {"name": name}, "evaluation": evaluation}
    grid = VARIED["grid"] | {"environment": {}}
    with pytest.raises(Refusal, match=words):
        from_mapping(content | {"grid": grid}, "the test")
