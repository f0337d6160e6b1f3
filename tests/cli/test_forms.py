"""The forms are listed and told in full, and what is asked in vain is named."""

import pytest

from allometry.laws import forms

KEYS = {
    "name",
    "formula",
    "inputs",
    "response",
    "parameters",
    "derived",
    "residual",
    "identifies",
    "source",
}
ROLE = {"name", "unit", "meaning"}


def test_every_form_is_listed_with_its_formula_and_its_columns(allometry) -> None:
    outcome = allometry("forms")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 2 * len(forms)
    for form in forms.values():
        assert form.formula in outcome.out
    assert "parameters, data → loss" in outcome.said
    assert "updates_per_interaction, parameters → interactions" in outcome.said


def test_one_form_is_told_in_full(allometry) -> None:
    outcome = allometry("forms", "power-floor")
    assert outcome.code == 0
    assert "power-floor: y = a x^−b + c" in outcome.said
    assert "b exponent 0.01 to 5" in outcome.said
    assert "c the floor: y of an infinite x solved for, above 0" in outcome.said
    assert "Residuals are taken between logarithms." in outcome.said
    assert "Source: Henighan et al. 2020, arXiv 2010.14701." in outcome.said


def test_units_and_what_follows_are_told(allometry) -> None:
    said = allometry("forms", "horizon").said
    assert "horizon agent steps h, horizon of the task" in said
    assert "h_0 agent steps" in said
    assert "around the values of horizon" in said
    assert "It follows: size_exponent" in allometry("forms", "two-term").said


def test_json_of_all_has_the_same_keys_for_each(allometry) -> None:
    found = allometry("forms", "--json").document
    assert [form["name"] for form in found] == list(forms)
    for form in found:
        assert set(form) == KEYS
        assert all(set(role) == ROLE for role in [*form["inputs"], form["response"]])
        assert all(set(one) == {*ROLE, "bounds"} for one in form["parameters"])


def test_json_of_one_is_that_form(allometry) -> None:
    found = allometry("forms", "power", "--json").document
    assert set(found) == KEYS
    assert found["formula"] == "y = a x^−b"
    assert [role["name"] for role in found["inputs"]] == ["x"]
    assert found["response"]["name"] == "y"
    bounds = {one["name"]: one["bounds"] for one in found["parameters"]}
    assert bounds == {"a": None, "b": [-5, 5]}
    assert found["derived"] == []
    assert found["residual"] == "log"


def test_a_family_makes_the_form_that_is_asked(allometry) -> None:
    found = allometry("forms", "broken-power-2", "--json").document
    names = [one["name"] for one in found["parameters"]]
    assert names == ["a", "b", "c_0", "c_1", "d_1", "f_1", "c_2", "d_2", "f_2"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chinchilla", ["no law 'chinchilla'; choose from: intrinsic, two-term"]),
        ("broken-power-0", ["0 bends", "ask for 1 to 4, such as broken-power-2"]),
        ("broken-power-9", ["9 bends", "ask for 1 to 4"]),
        ("broken-power-x", ["'broken-power-x'", "such as broken-power-2"]),
        ("complexity-x", ["'complexity-x'", "choose complexity or"]),
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_unknown_form_is_refused_with_those_there_are(
    allometry, name, words, more
) -> None:
    allometry("forms", name, *more).refuses(*words)


def test_two_forms_at_once_are_a_usage_error(allometry) -> None:
    allometry("forms", "power", "horizon").is_usage_error("horizon")
