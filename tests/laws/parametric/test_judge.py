"""The verdict: every rule fires where it should, and only there."""

import dataclasses

import numpy as np
import pytest

from allometry import laws
from allometry.laws import Estimate, Parameter, forms
from allometry.laws.parametric.descend import Minima
from allometry.laws.parametric.judge import Verdict, judge, remedy
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem


class Bench:
    """A form at known constants, whose estimates a test may worsen."""

    def __init__(self, law, table, truth) -> None:
        self.form = forms.find(law)
        self.observations = observe(self.form, table)
        self.problem = Problem(self.form, self.observations)
        self.truth = dict(truth)
        self.minima = Minima(
            self.problem.theta(self.truth)[None].repeat(4, 0), np.ones(4)
        )

    def verdict(self, **edges: tuple[float, float]) -> Verdict:
        """Judge narrow intervals around the truth, but for those given."""
        estimates = {}
        for name, value in self.truth.items():
            near = (value - 0.01 * abs(value), value + 0.01 * abs(value))
            estimates[name] = Estimate(value, *edges.get(name, near))
        return judge(self.problem, self.observations, self.minima, estimates, 1.833)


@pytest.fixture
def two_term(table) -> Bench:
    truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}
    return Bench("two-term", table, truth)


@pytest.fixture
def bent() -> Bench:
    truth = {"a": 0.1, "b": 30.0, "c_0": 0.1, "c_1": 0.4, "d_1": 1e6, "f_1": 0.3}
    x = np.geomspace(1e2, 1e10, 40)
    values = {name: np.array([[value]]) for name, value in truth.items()}
    y = forms["broken-power"].predict({"x": x}, values)[0]
    return Bench("broken-power", {"x": x, "y": y}, truth)


def test_narrow_intervals_identify(two_term, bent):
    for bench in (two_term, bent):
        verdict = bench.verdict()
        assert verdict.reasons == {}
        assert verdict.general == ()
        assert verdict.unseen == ()
        assert verdict.agreement == 1.0


@pytest.mark.parametrize(
    ("name", "edges", "said"),
    [
        ("alpha", (0.1, 0.6), "alpha has a standard error of 0.14"),
        ("E", (0.2, 4.0), "interval of E, 0.2 to 4, spans more than a factor"),
        ("E", (np.nan, np.nan), "E has no finite interval"),
        ("A", (0.0, np.inf), "A has no finite interval"),
    ],
)
def test_wide_intervals_do_not(two_term, name, edges, said):
    verdict = two_term.verdict(**{name: edges})
    assert list(verdict.reasons) == [name]
    assert said in verdict.reasons[name]


def test_remote_constants_may_have_wide_intervals(two_term):
    assert two_term.verdict(A=(1.0, 1e6)).reasons == {}


def test_rivals_are_as_good_fits_at_another_exponent(two_term):
    rival = two_term.problem.theta({**two_term.truth, "beta": 1.5})
    theta = two_term.minima.theta.copy()
    theta[1] = rival
    far = Minima(theta, np.array([1.0, 1.01, 1.0, 1.0]))
    worse = dataclasses.replace(far, loss=np.array([1.0, 1.5, 1.0, 1.0]))
    near = two_term.problem.theta({**two_term.truth, "beta": 0.38})
    theta = two_term.minima.theta.copy()
    theta[1] = near
    for minima, names in (
        (far, ["beta"]),
        (worse, []),
        (Minima(theta, np.ones(4)), []),
    ):
        two_term.minima = minima
        verdict = two_term.verdict()
        assert list(verdict.reasons) == names
    two_term.minima = far
    said = two_term.verdict().reasons["beta"]
    assert said == "Fits as good as the best have beta from 0.37 to 1.50."
    two_term.minima = worse
    assert two_term.verdict().agreement == 0.75


def test_a_term_that_is_nowhere_seen_is_not_told(two_term):
    two_term.truth["A"] = 1e-6
    two_term.minima = Minima(
        two_term.problem.theta(two_term.truth)[None].repeat(4, 0), np.ones(4)
    )
    verdict = two_term.verdict()
    assert "The term of A is nowhere seen" in verdict.reasons["A"]


def test_an_optional_term_that_is_nowhere_seen_leaves_the_law(bent):
    bent.truth["a"] = 1e-12
    bent.minima = Minima(bent.problem.theta(bent.truth)[None].repeat(4, 0), np.ones(4))
    verdict = bent.verdict()
    assert verdict.unseen == ("a",)
    assert verdict.reasons == {}


def test_a_parameter_without_effect_is_not_told(own, curve):
    """Its refits agree on where the search began: an interval of no width."""
    idle = Parameter("idle", starts=(0.5,))
    fit = laws.fit(own(parameters=(*own().parameters, idle)), curve)
    one = fit.parameters["idle"]
    assert [one.low, one.value, one.high] == pytest.approx([0.5] * 3, rel=1e-12)
    assert not one.identified
    assert not fit.identified
    assert fit.card["reasons"][0] == (
        "idle changes y at no observation: what it is there only the start of the "
        "search says."
    )
    assert {name for name, one in fit.parameters.items() if one.identified} == set(
        "abc"
    )


def test_an_optional_parameter_without_effect_leaves_the_law(own, curve):
    idle = Parameter("idle", starts=(0.5,), optional=True)
    assert laws.fit(own(parameters=(*own().parameters, idle)), curve).identified


SHARED = {
    "(a + k) x^-b + c": (
        lambda i, p: (p["a"] + p["k"]) * i["x"] ** -p["b"] + p["c"],
        Parameter("k", linear=True),
        ("a", "k"),
    ),
    "a k x^-b + c": (
        lambda i, p: p["a"] * p["k"] * i["x"] ** -p["b"] + p["c"],
        Parameter("k", starts=(0.5,)),
        ("a", "k"),
    ),
    "a x^-(b + k) + c": (
        lambda i, p: p["a"] * i["x"] ** -(p["b"] + p["k"]) + p["c"],
        Parameter("k", starts=(0.1,)),
        ("b", "k"),
    ),
}


@pytest.mark.parametrize("case", SHARED)
def test_parameters_of_which_a_combination_alone_is_told(own, curve, case):
    """Each refit stays where the search began, so that intervals are narrow."""
    predict, k, names = SHARED[case]
    a, b, c = own().parameters
    b = dataclasses.replace(b, starts=(0.2,))
    luck = np.exp(np.random.default_rng(0).normal(0, 0.01, 60))
    fit = laws.fit(
        own(predict, (a, b, c, k)), {"x": curve["x"], "y": curve["y"] * luck}
    )
    for name, one in fit.parameters.items():
        assert one.high < 1.2 * one.low
        assert one.identified == (name not in names)
    said = f"A change of {names[0]} can be undone by {names[1]}, at every observation"
    assert said in fit.card["reasons"][0]


def test_one_size_tells_no_floor_and_no_size_term(table):
    one = table.filter(table["run"] == "run 4")
    verdict = Bench(
        "two-term",
        one,
        {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37},
    ).verdict()
    undone = {k for k, said in verdict.reasons.items() if "can be undone" in said}
    assert undone == {"E", "A", "alpha"}


def test_share_of_starts_that_agree_knows_no_unit():
    truth = {"R_0": 0.1, "A": 0.8, "C_mid": 1e15, "B": 0.7}
    x = np.geomspace(1e12, 1e18, 30)
    values = {name: np.array([[value]]) for name, value in truth.items()}
    y = forms["sigmoid"].predict({"compute": x}, values)[0]
    for unit in (1e-9, 1.0, 1e9):
        scaled = truth | {"R_0": 0.1 * unit, "A": 0.8 * unit}
        bench = Bench("sigmoid", {"compute": x, "performance": y * unit}, scaled)
        losses = np.array([1.0, 1.0, 1.5, 2.0]) * unit**2 * 1e-3
        bench.minima = Minima(bench.minima.theta, losses)
        assert bench.verdict().agreement == 0.5


def test_search_that_ended_at_a_bound(two_term, bent):
    for bench, name, value, told in (
        (two_term, "alpha", 3.0, False),
        (bent, "f_1", 0.02, True),
    ):
        bench.truth[name] = value
        bench.minima = Minima(
            bench.problem.theta(bench.truth)[None].repeat(4, 0), np.ones(4)
        )
        verdict = bench.verdict()
        at_bound = "ended at a bound" in verdict.reasons.get(name, "")
        assert at_bound != told


def test_a_bend_that_may_be_none_or_lies_at_the_edge(bent):
    assert "holds 0" in bent.verdict(c_1=(-0.01, 0.05)).reasons["c_1"]
    bent.truth["d_1"] = 1.1e10
    bent.minima = Minima(bent.problem.theta(bent.truth)[None].repeat(4, 0), np.ones(4))
    said = bent.verdict().reasons["d_1"]
    assert "d_1 = 1.1e+10 lies at the edge of the data" in said


def test_an_uncertain_level_of_a_sigmoid():
    truth = {"R_0": 0.1, "A": 0.8, "C_mid": 1e15, "B": 0.7}
    x = np.geomspace(1e12, 1e18, 30)
    values = {name: np.array([[value]]) for name, value in truth.items()}
    y = forms["sigmoid"].predict({"compute": x}, values)[0]
    bench = Bench("sigmoid", {"compute": x, "performance": y}, truth)
    assert bench.verdict().reasons == {}
    said = bench.verdict(A=(0.3, 1.3)).reasons["A"]
    assert "of the observed range to either side" in said


def test_too_few_groups(two_term, study):
    few = Bench("two-term", study(sizes=2), two_term.truth).verdict()
    assert "There are 2 groups to leave out (run)" in few.general[0]


def test_conditioning_is_that_of_the_scaled_equations(two_term):
    theta = two_term.minima.theta[:1]
    _, slopes = two_term.problem.residuals(theta)
    jacobian = np.stack([np.broadcast_to(s, (1, 80))[0] for s in slopes], -1)
    singular = np.linalg.svd(jacobian / np.linalg.norm(jacobian, axis=0))[1]
    expected = (singular[0] / singular[-1]) ** 2
    assert two_term.verdict().conditioning == pytest.approx(expected, rel=1e-6)


def test_remedy_says_which_runs_would_tell(two_term):
    assert remedy(two_term.form).startswith("What tells its constants: a grid of sizes")
    assert remedy(dataclasses.replace(two_term.form, identifies="")) == ""


def test_curves_that_do_not_tell_a_size_exponent_say_so_by_parameter(study):
    """Like four widths of one agent: data is told, the exponent of size is not."""
    table = study(sizes=4, luck=0.05)
    narrow = table.with_columns(parameters=3e6 * (table["parameters"] / 1e5) ** 0.15)
    fit = laws.fit("two-term", narrow)
    assert not fit.identified
    assert not fit.parameters["alpha"].identified
    assert "alpha" in fit.card["not_identified"]
    assert fit.warnings[: len(fit.card["reasons"])] == tuple(fit.card["reasons"])
    assert "What tells its constants" in fit.card["reasons"][-1]
    assert "no number of it should be quoted" in fit.summary()
