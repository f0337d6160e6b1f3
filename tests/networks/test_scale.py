"""Scale: every size from 1/64 to 8 of the default, and rates that follow."""

from typing import Any

import jax
import pytest

from allometry.networks.cost import parameters
from allometry.networks.scale import (
    FAMILIES,
    depth_for,
    learning_rate_scale,
    scale,
    width_for,
)
from allometry.refusal import Refusal
from allometry.specs import ArraySpec

SMALL = ArraySpec((8, 8, 1))
LARGE = ArraySpec((28, 28, 1))
SET = {"goal": SMALL, "things": ArraySpec((6, 20), layout="set")}
FACTORS = [2.0**power for power in range(-6, 4)]


def count(observation: Any, torso: str, **size: int) -> int:
    build = scale(observation, 10, torso=torso, **size)
    return sum(parameters(jax.eval_shape(build, jax.random.key(0))).values())


def test_defaults_have_the_parameters_counted_by_hand() -> None:
    mlp = (64 * 128 + 128) + (128 * 128 + 128) + (128 * 10 + 10)
    assert count(SMALL, "mlp") == mlp
    convolutions = (25 * 16 + 16) + (9 * 16 * 32 + 32)
    cnn = convolutions + (25 * 32 * 1000 + 1000) + (1000 * 10 + 10)
    assert count(LARGE, "cnn") == cnn


@pytest.mark.parametrize(
    ("torso", "observation"), [("mlp", SMALL), ("cnn", LARGE), ("encoder", SET)]
)
@pytest.mark.parametrize("factor", FACTORS)
def test_width_reaches_every_size(torso: str, observation: Any, factor: float) -> None:
    width = width_for(observation, 10, factor, torso=torso)
    target = factor * count(observation, torso)

    def miss(width: int) -> float:
        return abs(count(observation, torso, width=width) / target - 1)

    assert miss(width) < 0.1
    assert miss(width) <= min(miss(width - 1), miss(width + 1))


@pytest.mark.parametrize(
    ("torso", "observation", "factor"),
    [
        ("mlp", SMALL, 0.4),
        ("mlp", SMALL, 2.3),
        ("mlp", SMALL, 8.0),
        ("mlp", LARGE, 8.0),
        ("cnn", LARGE, 2.0),
        ("cnn", LARGE, 8.0),
    ],
)
def test_depth_reaches_what_it_can(torso: str, observation: Any, factor: float) -> None:
    depth = depth_for(observation, 10, factor, torso=torso)
    assert count(observation, torso, depth=depth) == pytest.approx(
        factor * count(observation, torso), rel=0.15
    )


@pytest.mark.parametrize(
    ("torso", "observation"), [("mlp", SMALL), ("cnn", LARGE), ("encoder", SET)]
)
def test_the_default_is_found_again(torso: str, observation: Any) -> None:
    family = FAMILIES[torso]
    assert width_for(observation, 10, 1.0, torso=torso) == family.width
    assert depth_for(observation, 10, 1.0, torso=torso) == family.depth


def test_depth_refuses_sizes_below_its_ends() -> None:
    with pytest.raises(Refusal, match="No depth of the mlp gives 408 parameters"):
        depth_for(SMALL, 10, 1 / 64)


def test_width_refuses_sizes_below_one_unit() -> None:
    with pytest.raises(Refusal, match="No width of the mlp gives"):
        width_for(SMALL, 10, 1e-3)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_factor_that_is_none(factor: float) -> None:
    with pytest.raises(Refusal, match="factor"):
        width_for(SMALL, 10, factor)


@pytest.mark.parametrize("size", [{"width": 0}, {"depth": -1}])
def test_refuses_an_impossible_size(size: dict[str, int]) -> None:
    with pytest.raises(Refusal, match="impossible"):
        scale(SMALL, 10, **size)


def test_refuses_an_unknown_torso() -> None:
    with pytest.raises(
        Refusal, match=r'no torso "resnet"\. Choose one of: cnn, encoder, mlp'
    ):
        scale(SMALL, 10, torso="resnet")


@pytest.mark.parametrize(
    ("width", "depth", "expected"),
    [(128, 1, 1.0), (32, 1, 2.0), (512, 1, 0.5), (128, 4, 0.5), (128, 0, 1.0)],
)
def test_learning_rate_falls_with_the_roots_of_width_and_depth(
    width: int, depth: int, expected: float
) -> None:
    assert learning_rate_scale(width, depth, 128, 1) == pytest.approx(expected)
