"""The complexity law: its columns, end to end and back from a file."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws import card, forms
from allometry.refusal import Refusal


@pytest.mark.parametrize("law", ["complexity", "complexity-interaction"])
@pytest.mark.parametrize(
    "listed", ["states,actions", "states, actions", ["states", "actions"]]
)
def test_columns_are_named_in_a_list_or_a_text(cases, law, listed):
    table = pl.DataFrame(cases[law].table()).rename({"compute": "flops"})
    columns = {"complexity": listed, "compute": "flops"}
    fit = laws.fit(law, table, columns=columns)
    assert fit.parameters["k_states"].value == pytest.approx(0.7)
    assert ("k_states_actions" in fit.parameters) == (law != "complexity")
    again = card.from_json(card.to_json(fit), "fit.json")
    assert again.form is not None
    assert again.form.names == fit.form.names
    asked = {"states": 50.0, "actions": 3.0}
    expected = fit.predict(asked)["value"][0]
    assert again.predict(asked)["value"][0] == pytest.approx(expected)


def test_one_column_needs_no_list():
    x = np.geomspace(1.0, 1e3, 12)
    fit = laws.fit("complexity", {"complexity": x, "compute": 3e6 * x**1.5})
    assert fit.parameters["k_complexity"].value == pytest.approx(1.5)


def test_one_column_of_another_name():
    x = np.geomspace(1.0, 1e3, 12)
    table = {"rules": x, "compute": 3e6 * x**1.5}
    fit = laws.fit("complexity", table, columns={"complexity": "rules"})
    assert fit.parameters["k_rules"].value == pytest.approx(1.5)
    assert [role.name for role in fit.form.inputs] == ["rules"]


def test_without_interaction_the_exponents_absorb_it_where_the_data_are(cases):
    """The exponent of a plain fit is that at the other's mean logarithm."""
    case = cases["complexity-interaction"]
    table = case.table()
    fit = laws.fit("complexity", table, columns=case.columns, loss="squared")
    centre = np.log(table["actions"]).mean()
    assert fit.parameters["k_states"].value == pytest.approx(0.7 + 0.2 * centre)


def test_a_list_of_one_and_a_role_of_that_name_in_another_form():
    x = np.geomspace(1.0, 1e3, 12)
    table = {"complexity": x, "level": x, "compute": 3e6 * x**1.5}
    one = laws.fit("complexity", table, columns={"complexity": ["complexity"]})
    assert one.parameters["k_complexity"].value == pytest.approx(1.5)
    own = dataclasses.replace(forms["complexity"], name="mine")
    fit = laws.fit(own, table, columns={"complexity": "level"})
    assert fit.card["columns"] == {"complexity": "level", "compute": "compute"}
    with pytest.raises(Refusal, match="'compute' is one column, not several: a, b"):
        laws.fit("complexity", table, columns={"compute": ["a", "b"]})


def test_columns_that_make_no_law_are_refused(cases):
    with pytest.raises(Refusal, match="An interaction needs two columns"):
        forms.find("complexity-interaction", {"complexity": ["states"]})
    with pytest.raises(Refusal, match="needs columns, each once; given: x, x"):
        forms.find("complexity", {"complexity": "x,x"})
    with pytest.raises(Refusal, match="There is no law 'complexity-interactions'"):
        forms.find("complexity-interactions")
    with pytest.raises(Refusal, match="no column 'goals'"):
        laws.fit(
            "complexity",
            cases["complexity"].table(),
            columns={"complexity": "states,goals"},
        )
