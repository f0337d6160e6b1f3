"""Hand-made tasks: their scripted solutions score, and fail without what they need."""

import dataclasses
import functools
import re
from importlib import resources

import jax
import numpy as np
import pytest

from allometry.environments.xland import XLand
from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.probes import probe, sentence
from allometry.environments.xland.probes.probe import Plan, Probe
from allometry.environments.xland.scripted.replay import replay
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.views import language
from allometry.refusal import Refusal

NAMES = probe.names()
WITH_MISTAKES = [name for name in NAMES if probe.load(name).mistake]


@functools.cache
def shared(players: int) -> XLand:
    """One environment that all probes for so many players fit: compiled once."""
    return XLand(probe.common(probe.probes(players)))


@functools.cache
def begin(environment: XLand) -> jax.stages.Wrapped:
    return jax.jit(environment.reset)


#: What plans have brought, by all of a probe that matters to those who see all.
PLAYED: dict[str, np.ndarray] = {}


def rewards(played: Probe, plans: tuple[Plan, ...], steps: int = 0) -> np.ndarray:
    """Play plans for some steps, or as long as a trial of the probe lasts; `[T, P]`.

    Scripted players know all: a probe that differs in what is hidden is played once.
    """
    steps = steps or played.dials.duration
    drawing = played.drawing
    drawn = [field.tobytes() for field in drawing[:3]], drawing.cells, played.legend
    key = repr((drawn, played.goals, played.rules, plans, steps))
    if key not in PLAYED:
        environment = shared(played.dials.players)
        task = played.within(environment.dials)
        state, _ = begin(environment)(jax.random.key(0), task)
        done = replay(environment, state, plans, places=played.places, steps=steps)
        PLAYED[key] = done.rewards
    return PLAYED[key]


def test_there_are_thirty_for_one_player_and_twenty_eight_for_two() -> None:
    assert len(probe.names(1)) == 30
    assert len(probe.names(2)) == 28
    for players in (1, 2):
        assert {p.dials.players for p in probe.probes(players)} == {players}
    assert len({probe.load(name).name for name in NAMES}) == 58


def test_their_files_come_with_the_package() -> None:
    folder = resources.files("allometry.environments.xland") / "probes"
    files = [each.name for n in ("one", "two") for each in (folder / n).iterdir()]
    assert sorted(files) == sorted(f"{name}.toml" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_scores_until_the_end_and_not_without_what_it_needs(
    name: str,
) -> None:
    played = probe.load(name)
    scored = rewards(played, played.solution)
    assert (scored[-1] == 1).all()
    assert (scored.sum(0) >= 20).all()
    assert played.needs
    # Twice as long as the solution has taken to score, and a little more.
    steps = min(len(scored), 2 * int(scored[:, 0].argmax()) + 30)
    for need in played.needs:
        lacking = played.without(need)
        assert rewards(lacking, lacking.solution, steps).sum() == 0, need


@pytest.mark.parametrize("name", WITH_MISTAKES)
def test_the_mistake_ends_in_nothing(name: str) -> None:
    played = probe.load(name)
    assert rewards(played, played.mistake)[-1].sum() == 0


def test_a_probe_in_shapes_of_its_own_scores_as_in_larger_ones() -> None:
    played = probe.load("push_dont_lift")
    environment = XLand(played.dials)
    state, _ = begin(environment)(jax.random.key(0), played.task)
    done = replay(environment, state, played.solution, places=played.places)
    assert done.rewards.shape == (played.dials.duration, 1)
    assert np.array_equal(done.rewards, rewards(played, played.solution))


@pytest.mark.parametrize("name", ["hold_up_high", "antimatter", "kitchen_ring"])
def test_a_task_means_the_same_in_larger_shapes(name: str) -> None:
    one = probe.load(name)
    large = shared(one.dials.players).dials
    own, padded = one.task, one.within(large)
    wide, high = one.drawing.height.shape
    walls = np.asarray(padded.terrain.height) >= wall_height(large)
    assert walls[wide:].all()
    assert walls[:, high:].all()
    assert np.array_equal(walls[:wide, :high], one.drawing.height < 0)
    for player in range(one.dials.players):
        said = [
            (language.goal(task.game, dials, player),
             language.rules(task.game, dials, player))
            for task, dials in ((own, one.dials), (padded, large))
        ]  # fmt: skip
        assert said[0] == said[1]


@pytest.mark.parametrize("name", NAMES)
def test_language_says_the_rules_in_the_words_that_were_read(name: str) -> None:
    played = probe.load(name)
    said = language.rules(played.task.game, played.dials, None)
    assert [sentence.rule(_plain(line)) for line in said] == list(played.rules.values())


def _plain(line: str) -> str:
    """Bring a sentence of `language` to that of a page."""
    condition, made = re.sub(r"\ba ", "", line).split(": ")
    return f"{condition} -> {made.replace(' and ', ', ')}"


def test_a_drawing_becomes_terrain_with_y_up_the_page() -> None:
    terrain = probe.load("hold_up_high").task.terrain
    height, ramp = np.asarray(terrain.height), np.asarray(terrain.ramp)
    assert height[4, 6] == 2  # The red floor, seventh row from the foot.
    assert np.asarray(terrain.colour)[4, 6] == 2
    assert (ramp[7, 6], height[7, 6]) == (2, 0)  # '<' on the ground rises to −x.
    assert (ramp[4, 4], height[4, 4]) == (3, 1)  # '^' on the first level rises to +y.


def test_variants_differ_in_what_is_hidden_only() -> None:
    for name in NAMES:
        base = re.sub("_(visible|inputs_hidden)$", "", name)
        if base == name or base not in NAMES:
            continue
        own, other = probe.load(name), probe.load(base)
        assert own.secrets != other.secrets
        assert own.solution == other.solution
        assert own.dials == other.dials
        hidden = own.task.game._replace(hidden=other.task.game.hidden)
        assert jax.tree.all(jax.tree.map(np.array_equal, hidden, other.task.game))


def test_players_are_shown_what_is_not_hidden_from_them() -> None:
    played = probe.load("information_asymmetry")
    first = language.rules(played.task.game, played.dials, 0)
    second = language.rules(played.task.game, played.dials, 1)
    assert "a rule that is hidden" not in first
    assert second == ["a rule that is hidden"] * 3
    inputs = probe.load("wrong_pair_disappears_inputs_hidden")
    known = language.rules(inputs.task.game, inputs.dials, 0)
    assert known[0].endswith(": a black cube")
    assert known[0].count("something") == 2


def test_dials_that_are_too_small_are_refused() -> None:
    played = probe.load("crafting_pyramid")
    for dial, less in (("arena", 8), ("rules", 6), ("colours", 3), ("objects", 7)):
        dials = dataclasses.replace(played.dials, **{dial: less})
        with pytest.raises(Refusal, match=rf"needs {dial} .*raise {dial}"):
            played.within(dials)
    with pytest.raises(Refusal, match=r"needs the predicate hold"):
        played.within(dataclasses.replace(played.dials, predicates=("touching",)))
    with pytest.raises(Refusal, match=r"is for 1 players, and the dials have 2"):
        played.within(dataclasses.replace(played.dials, players=2))


def test_trials_and_durations_are_those_of_the_page() -> None:
    jumbled = probe.load("three_spheres_jumbled").dials
    assert jumbled.duration / 7.5 == 10.0  # Agent steps at 7.5 a second: ten seconds.
    assert isinstance(jumbled, Complexity)
    assert jumbled.trials == 1
