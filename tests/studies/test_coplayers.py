import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents.scripted import Scripted, still, uniform
from allometry.agents.snapshots import Snapshots
from allometry.environments.recall import Recall
from allometry.refusal import Refusal
from allometry.studies.coplayers import coplayers
from allometry.studies.facts import facts
from allometry.studies.grid import bundles


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Several(Recall):
    """As many players as are wanted, of whom the first is asked."""

    players: int = 2

    @property
    def spec(self):
        return dataclasses.replace(super().spec, players=self.players)

    def reset(self, key, task):
        return self._to_all(*super().reset(key, task))

    def step(self, key, state, action):
        return self._to_all(*super().step(key, state, action[:1]))

    def _to_all(self, state, shown):
        fields = shown.observation, shown.reward, shown.player_mask, shown.extras
        fields = jax.tree.map(
            lambda x: jnp.broadcast_to(x, (self.players, *x.shape[1:])), fields
        )
        names = ("observation", "reward", "player_mask", "extras")
        return state, shown._replace(**dict(zip(names, fields, strict=True)))


def asked(studies, environment=Several(), **training):
    return coplayers(studies.survey_of(training=training).study, environment)


def test_a_study_has_the_coplayers_that_it_names(studies):
    assert asked(studies) is None
    assert asked(studies, coplayers="none") is None
    assert asked(studies, coplayers="random") == Scripted(uniform, 0.5)
    assert asked(studies, coplayers="still", coplayers_share=1) == Scripted(still, 1.0)
    given = {"coplayers": "snapshots", "snapshots": 7, "snapshot_every": 3}
    assert asked(studies, **given) == Snapshots(7, 3, 0.5)


@pytest.mark.parametrize(
    # Two players, 4 copies and 16 steps are 128 interactions an iteration.
    ("interactions", "every"),
    [(128 * 20, 1), (128 * 39, 1), (128 * 40, 2), (128 * 2000, 100), (1, 1)],
)
def test_there_are_20_snapshots_in_a_training_unless_said(studies, interactions, every):
    found = asked(studies, coplayers="snapshots", interactions=interactions)
    assert found == Snapshots(4, every, 0.5)


@pytest.mark.parametrize("who", ["snapshots", "random", "still"])
def test_one_player_alone_has_no_coplayers(studies, who):
    survey = studies.survey_of(training={"coplayers": who})
    with pytest.raises(Refusal, match=rf'training.coplayers is "{who}".*one player'):
        survey.facts  # noqa: B018
    with pytest.raises(Refusal, match="one player"):
        asked(studies, Several(players=1), coplayers=who)


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"coplayers": "myself"}, r'training.coplayers is "myself"; .*\'snapshots\''),
        ({"coplayers": "still", "coplayers_share": 0}, "coplayers_share is 0"),
        ({"coplayers": "still", "coplayers_share": 1.5}, "coplayers_share is 1.5"),
        ({"coplayers_share": 0.5}, "coplayers_share is given, .* leave"),
        ({"snapshots": 4}, r'snapshots is given, .* is "none".* leave'),
        ({"coplayers": "still", "snapshots": 4}, r'given, .* is "still".* leave'),
        ({"coplayers": "random", "snapshot_every": 4}, "snapshot_every is given, "),
        ({"coplayers": "snapshots", "snapshots": 0}, "snapshots is 0"),
    ],
)
def test_what_cannot_be_is_refused(studies, training, words):
    with pytest.raises(Refusal, match=words):
        studies.survey_of(training=training)


def test_compute_counts_what_coplayers_do(studies):
    def costs(**training):
        # The digits agent's memory and torso fit what is recalled.
        study = studies.survey_of(training=training).study
        return np.array(facts(study, Several(), bundles(study)[0]).costs)

    alone, scripted = costs(), costs(coplayers="random")
    np.testing.assert_array_equal(alone, scripted)
    snapshots = costs(coplayers="snapshots", snapshots=3)
    # Without a memory nothing is valued in acting: each of them costs an act.
    np.testing.assert_allclose(snapshots, alone * [4, 1, 1])
