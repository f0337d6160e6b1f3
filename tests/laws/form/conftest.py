"""A known truth of every shipped form, and a grid that tells it."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from allometry.laws import Form, forms


@dataclasses.dataclass(frozen=True)
class Case:
    """A form, the inputs of a good grid, and the constants that generate it.

    `formula` is the law once more, written for SymPy.
    """

    law: str
    inputs: Mapping[str, np.ndarray]
    truth: Mapping[str, float]
    formula: str
    columns: Mapping[str, str | list[str]] = dataclasses.field(default_factory=dict)

    @property
    def form(self) -> Form:
        return forms.find(self.law, self.columns)

    def response(self, **changes: float) -> np.ndarray:
        values = {**self.truth, **changes}
        columns = {name: np.array([[float(v)]]) for name, v in values.items()}
        return self.form.predict(self.inputs, columns)[0]

    def table(self, **changes: float) -> dict[str, np.ndarray]:
        return {**self.inputs, self.form.response.name: self.response(**changes)}


def grid(**axes) -> dict[str, np.ndarray]:
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    values = [array.ravel().astype(float) for array in mesh]
    return dict(zip(axes, values, strict=True))


def bent(*bends: tuple[float, float, float]) -> dict[str, float]:
    return {
        f"{letter}_{i}": value
        for i, bend in enumerate(bends, start=1)
        for letter, value in zip("dcf", bend, strict=True)
    }


_BEND = "*(1 + (x/d_{0})**(1/f_{0}))**(-c_{0}*f_{0})"
CASES = (
    Case(
        "power",
        {"x": np.geomspace(1e3, 1e7, 12)},
        {"a": 50.0, "b": 0.3},
        "a*x**(-b)",
    ),
    Case(
        "power-floor",
        {"x": np.geomspace(1e3, 1e9, 16)},
        {"a": 50.0, "b": 0.3, "c": 0.4},
        "a*x**(-b) + c",
    ),
    Case(
        "two-term",
        grid(parameters=np.geomspace(1e5, 1e9, 6), data=np.geomspace(1e6, 1e10, 6)),
        {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37},
        "E + A*parameters**(-alpha) + B*data**(-beta)",
    ),
    Case(
        "threshold",
        grid(
            updates_per_interaction=[1, 2, 4, 8, 16],
            parameters=np.geomspace(1e5, 1e8, 5),
        ),
        {"D_min": 3e5, "a": 3.0, "alpha": 0.8, "b": 2e6, "beta": 0.6},
        "D_min*(1 + (a/updates_per_interaction)**alpha + (b/parameters)**beta)",
    ),
    Case(
        "sigmoid",
        {"compute": np.geomspace(1e12, 1e18, 30)},
        {"R_0": 0.1, "A": 0.8, "C_mid": 1e15, "B": 0.7},
        "R_0 + (A - R_0)/(1 + (C_mid/compute)**B)",
    ),
    Case(
        "horizon",
        {"horizon": np.array([1.0, 4.0, 16.0, 64.0, 256.0])},
        {"E_0": 1e4, "h_0": 30.0},
        "E_0*(1 + horizon/h_0)",
    ),
    Case(
        "broken-power",
        {"x": np.geomspace(1e2, 1e10, 40)},
        {"a": 0.1, "b": 30.0, "c_0": 0.1, **bent((1e6, 0.4, 0.3))},
        "a + b*x**(-c_0)" + _BEND.format(1),
    ),
    Case(
        "broken-power-2",
        {"x": np.geomspace(1e2, 1e12, 80)},
        {
            **{"a": 0.01, "b": 30.0, "c_0": 0.4},
            **bent((1e5, -0.3, 0.2), (1e9, 0.5, 0.4)),
        },
        "a + b*x**(-c_0)" + _BEND.format(1) + _BEND.format(2),
    ),
    Case(
        "rating",
        grid(compute=np.geomspace(1e8, 1e17, 28), board=[3, 4, 5, 6, 7, 8, 9]),
        {
            "m_plateau": -200.0,
            "c_plateau": -100.0,
            "m_C": 500.0,
            "m_n": -422.5,
            "c": -4000.0,
        },
        "Min(0, Max(m_plateau*board + c_plateau, "
        "m_C*log(compute)/log(10) + m_n*board + c))",
    ),
    Case(
        "complexity",
        grid(states=[10, 30, 100, 1000], actions=[2, 4, 8]),
        {"c": 1e9, "k_states": 0.7, "k_actions": 1.3},
        "c*states**k_states*actions**k_actions",
        {"complexity": "states,actions"},
    ),
    Case(
        "complexity-interaction",
        grid(states=[10, 30, 100, 1000], actions=[2, 4, 8]),
        {"c": 1e9, "k_states": 0.7, "k_actions": 1.3, "k_states_actions": 0.2},
        "c*states**k_states*actions**k_actions"
        "*exp(k_states_actions*log(states)*log(actions))",
        {"complexity": ["states", "actions"]},
    ),
)


@pytest.fixture(params=CASES, ids=lambda case: case.law)
def case(request) -> Case:
    """Give each form's truth in turn."""
    return request.param


@pytest.fixture(
    params=[case for case in CASES if case.law != "rating"], ids=lambda case: case.law
)
def analytic_case(request) -> Case:
    """Give each form but the one whose formula compares."""
    return request.param


@pytest.fixture
def cases() -> dict[str, Case]:
    """Give all truths by the form's name."""
    return {case.law: case for case in CASES}
