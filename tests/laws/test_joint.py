"""Joint regions: what they hold, their shape, and when there is none."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2
from scipy.stats import f as fisher

from allometry import laws
from allometry.laws import jackknife, joint
from allometry.refusal import Refusal

X = np.repeat(np.geomspace(1e3, 1e7, 10), 3)
RUNS = [f"{i}" for i in range(30)]


def study(generator: np.random.Generator) -> dict[str, object]:
    y = 50 * X**-0.3 * np.exp(generator.normal(0.0, 0.1, 30))
    return {"x": X, "y": y, "run": RUNS}


@pytest.fixture(scope="module")
def fit() -> laws.Fit:
    return laws.fit("power", study(np.random.default_rng(0)), loss="squared")


def test_region_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        fit = laws.fit("power", study(generator), loss="squared")
        held += joint(fit, ("a", "b")).contains(50.0, 0.3)
    assert 81 <= held <= 98


def test_widths_are_those_of_the_constants_own_intervals(fit):
    region = joint(fit, ["a", "b"])
    assert region.names == ("a", "b")
    assert region.log == (True, False)
    a, b = fit.parameters["a"], fit.parameters["b"]
    error = np.sqrt(np.diag(region.covariance))
    assert error * fit.quantile == pytest.approx(
        np.array([np.log(a.high / a.low) / 2, (b.high - b.low) / 2])
    )
    # A flat line through a far x: what raises its start also steepens it.
    assert region.correlation[0, 1] > 0.9


def test_limit_is_hotellings_and_for_one_constant_students(fit):
    region = joint(fit, ("a", "b"))
    assert region.limit == pytest.approx(2 * 9 / 8 * fisher.ppf(0.9, 2, 8))
    one = 1 * 9 / 9 * fisher.ppf(0.9, 1, 9)
    assert np.sqrt(one) == pytest.approx(jackknife.student(10))


def test_bootstrap_takes_the_refits_own_covariance():
    fit = laws.fit(
        "power", study(np.random.default_rng(0)), interval="bootstrap", resamples=200
    )
    region = joint(fit, ("a", "b"))
    drawn = [
        [np.log(item.parameters["a"]), item.parameters["b"]] for item in fit.replicates
    ]
    assert region.covariance == pytest.approx(np.cov(np.transpose(drawn), bias=True))
    assert region.limit == pytest.approx(chi2.ppf(0.9, 2))


def test_edge_of_the_region_is_where_it_ends(fit):
    region = joint(fit, ("a", "b"))
    edge = region.ellipse(33)
    assert edge.shape == (33, 2)
    assert edge[0] == pytest.approx(edge[-1])
    assert region.contains(*region.centre)
    centre = region.centre

    def along(point: np.ndarray, share: float) -> np.ndarray:
        """Go a share of the way from the centre to a point, a on a log scale."""
        a = centre[0] * (point[0] / centre[0]) ** share
        return np.array([a, centre[1] + (point[1] - centre[1]) * share])

    for point in edge:
        assert region.contains(*along(point, 0.999))
        assert not region.contains(*along(point, 1.001))


def test_derived_quantities_have_regions_too():
    size = np.repeat(np.geomspace(1e5, 1e9, 10), 8)
    data = np.tile(np.geomspace(1e6, 1e10, 8), 10)
    luck = np.random.default_rng(0).normal(0.0, 0.01, 80)
    loss = (1.7 + 400 * size**-0.34 + 2000 * data**-0.37) * np.exp(luck)
    fit = laws.fit("two-term", {"parameters": size, "data": data, "loss": loss})
    region = joint(fit, ("E", "size_exponent"))
    assert region.log == (True, False)
    assert region.contains(1.7, 0.37 / 0.71)
    assert joint(fit, ("alpha", "beta", "E")).covariance.shape == (3, 3)
    with pytest.raises(Refusal, match="alpha, beta, E has no edge to draw"):
        joint(fit, ("alpha", "beta", "E")).ellipse()
    with pytest.raises(Refusal, match="do not vary apart"):
        joint(fit, ("size_exponent", "data_exponent"))


def test_regions_that_there_are_not_are_refused(fit):
    with pytest.raises(Refusal, match="Name two different constants or more"):
        joint(fit, ("a",))
    with pytest.raises(Refusal, match="Name two different constants or more"):
        joint(fit, ("a", "a"))
    with pytest.raises(Refusal, match="has no constant 'c'; it has: a, b"):
        joint(fit, ("a", "c"))
    few = dataclasses.replace(fit, replicates=fit.replicates[:2])
    with pytest.raises(Refusal, match="has 2 replicates, and the region of 2"):
        joint(few, ("a", "b"))
    unknown = dataclasses.replace(fit, form=None)
    with pytest.raises(Refusal, match="The form 'power' is not known here"):
        joint(unknown, ("a", "b"))
