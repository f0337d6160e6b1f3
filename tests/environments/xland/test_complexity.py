import dataclasses
import subprocess
import sys

import jax
import numpy as np
import pytest

from allometry.environments.xland.complexity import (
    PREDICATES,
    PRESETS,
    Complexity,
    preset,
)
from allometry.environments.xland.tasks.task import sample
from allometry.refusal import Refusal

#: What each dial may be while the others are as in the default preset: ends and more.
ALONE = {
    "arena": [6, 32],
    "levels": [0, 4],
    "terrain": ["empty", "rooms", "plateaus", "walls"],
    "density": [0.0, 0.4],
    "objects": [6, 19],
    "shapes": [2, 4],
    "colours": [2, 4],
    "predicates": [("hold",), ("touching",), ("near", "sight"), PREDICATES],
    "atoms": [6],
    "rules": [2, 16],
    "chain": [0, 3],
    "distractors": [0, 4],
    "hidden": [0.0, 1.0],
    "frozen": [1.0],
    "players": [4],
    "goals": ["independent", "opposed"],
    "trials": [64],
    "duration": [1, 10_000],
    "actions": ["simple", "discrete", "continuous"],
    "view": ["full"],
}


def test_every_dial_is_tried_alone():
    assert set(ALONE) == {field.name for field in dataclasses.fields(Complexity)}


@pytest.mark.parametrize(
    ("dial", "value"),
    [(dial, value) for dial, values in ALONE.items() for value in values],
)
def test_a_dial_can_be_turned_alone(dial, value):
    dials = preset("default", **{dial: value})
    if dial in ("hidden", "density", "trials", "duration", "actions", "view"):
        return  # sampling is traced alike whatever these are
    task = jax.eval_shape(lambda key: sample(key, dials), jax.random.key(0))
    assert task.terrain.height.shape == (dials.arena + 2,) * 2
    assert task.x.shape == (dials.bodies,)
    assert task.game.rules.active.shape == (dials.rules,)
    assert task.game.goal.clause.shape == (dials.players, dials.atoms)


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"arena": 5}, r"8 objects and 1 player do not .* to 6, or have at most 6 "),
        ({"levels": 5}, r"do not fit .* raise arena to 11, or lower levels to 4"),
        ({"objects": 5}, r"5 objects are too few .* raise objects to 6"),
        ({"objects": 20}, r"20 objects and 1 player .* to 10, or have at most 20 "),
        ({"shapes": 1}, r"needs 6 kinds .* 1 shapes × 3 colours make 3"),
        ({"chain": 4}, r"chain 4 a game needs 10 kinds"),
        ({"rules": 1}, r"A chain of 2 rules needs as many rules, and there are 1"),
        ({"distractors": 5}, r"and 5 distractors: raise objects to 9"),
        ({"predicates": ("see",)}, r"has none: add one of touching, near, hold"),
        ({"predicates": ()}, r"predicates is \(\): name at least one"),
        ({"predicates": ("see", "see")}, r"each once"),
        ({"predicates": ("eats",)}, r"holds 'eats': choose some of touching"),
        ({"atoms": 2, "distractors": 1}, r"raise distractors to 2, or set atoms to 1"),
        ({"atoms": 2, "colours": 2}, r"With atoms 2 .* needs 8 kinds"),
        ({"players": 0}, r"The dial players is 0: give a whole number from 1 to 4"),
        ({"players": 5}, r"from 1 to 4"),
        ({"duration": 20_000}, r"from 1 to 10,000"),
        ({"hidden": 1.5}, r"The dial hidden is 1.5: give a number from 0 to 1"),
        ({"hidden": float("nan")}, r"hidden is nan"),
        ({"density": 0.5}, r"density is 0.5: give a number from 0 to 0.4"),
        ({"terrain": "sea"}, r"terrain is 'sea': choose one of empty, rooms"),
        ({"goals": "none"}, r"goals is 'none': choose one of cooperative"),
        ({"gravity": 9}, r"XLand has no dial 'gravity'; it has: actions, arena"),
    ],
)  # fmt: skip
def test_an_impossible_dial_is_refused_with_the_remedy(dials, words):
    with pytest.raises(Refusal, match=words):
        preset("default", **dials)


#: Of a wrong type: what must be said is what a user sees, without run-time checks.
MISTYPED = [
    ({"predicates": "hold"}, "The dial predicates is 'hold': give a tuple of names"),
    ({"predicates": {"hold"}}, "The dial predicates is {'hold'}: give a tuple"),
    ({"predicates": (1,)}, "The dial predicates holds 1: choose some of touching"),
    ({"arena": 9.5}, "The dial arena is 9.5: give a whole number from 4 to 32."),
    ({"arena": 9.0}, "The dial arena is 9.0: give a whole number"),
    ({"arena": "9"}, "The dial arena is '9': give a whole number"),
    ({"arena": [9]}, "The dial arena is [9]: give a whole number"),
    ({"arena": None}, "The dial arena is None: give a whole number"),
    ({"players": True}, "The dial players is True: give a whole number from 1 to 4"),
    ({"hidden": "much"}, "The dial hidden is 'much': give a number from 0 to 1"),
    ({"hidden": True}, "The dial hidden is True: give a number"),
    ({"terrain": ["rooms"]}, "The dial terrain is ['rooms']: choose one of empty"),
    ({"goals": None}, "The dial goals is None: choose one of cooperative"),
]
REFUSED = """
from allometry.environments.xland.complexity import preset
from allometry.refusal import Refusal
for dials, _ in {cases!r}:
    try:
        print(preset("default", **dials))
    except Refusal as error:
        print(error)
import numpy
dials = preset("default", arena=numpy.int64(10), hidden=1)
print(type(dials.arena).__name__, dials.arena, dials.hidden)
"""


def test_a_dial_of_a_wrong_type_is_refused_with_a_sentence():
    program = REFUSED.format(cases=MISTYPED)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    *refused, taken = ran.stdout.splitlines()
    for (_, words), said in zip(MISTYPED, refused, strict=True):
        assert said.startswith(words)
    assert taken == "int 10 1.0"


def test_what_a_refusal_names_is_then_accepted():
    with pytest.raises(Refusal, match="raise arena to 6, or have at most 6 objects"):
        preset("default", arena=5, levels=2)
    assert preset("default", arena=5, objects=5, distractors=1).bodies == 6
    assert preset("default", arena=6).bodies == 9


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(Refusal, match=r"no preset 'huge'; choose one of: reach, small"):
        preset("huge")


def test_numbers_are_taken_for_what_they_are():
    dials = preset("default", predicates=["hold", "see"])
    assert dials == preset("default", predicates=("hold", "see"))
    assert hash(dials) == hash(preset("default", predicates=("hold", "see")))


def test_the_default_preset_is_that_of_the_benchmark():
    dials = preset("default")
    assert dials == Complexity()
    assert (dials.objects, dials.rules, dials.levels) == (8, 4, 2)


def test_presets_grow():
    sizes = {name: dials.size() for name, dials in PRESETS.items()}
    names = ("reach", "small", "default", "large")
    order = [sizes[name]["log_log_policies"] for name in names]
    assert order == sorted(order)
    assert sizes["two"]["log_actions"] == 2 * sizes["default"]["log_actions"]


def test_the_dials_of_the_proposal_raise_what_they_should():
    base = preset("default").size()
    for dial, value, grown in (
        ("arena", 12, "log_states"),
        ("levels", 3, "log_states"),
        ("objects", 12, "log_states"),
        ("colours", 4, "log_states"),
        ("predicates", PREDICATES, "log_games"),
        ("atoms", 3, "log_games"),
        ("rules", 6, "log_games"),
        ("players", 2, "log_actions"),
    ):
        size = preset("default", **{dial: value}).size()
        assert size[grown] > base[grown]
        assert size["log_log_policies"] > base["log_log_policies"]
    for actions, number in (
        ("simple", 6),
        ("discrete", 12),
        ("factored", 3**6),
        ("continuous", 8**6),
    ):
        size = preset("default", actions=actions).size()
        assert size["log_actions"] == pytest.approx(np.log(number))
