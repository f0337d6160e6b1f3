"""The register: every form by its name, and what may be asked of it."""

import json

import pytest

from allometry.laws import forms
from allometry.laws.form.registry import FAMILIES
from allometry.refusal import Refusal

SHIPPED = {
    "intrinsic", "two-term", "power", "power-floor", "sigmoid", "broken-power",
    "threshold", "horizon", "complexity", "complexity-interaction", "rating",
}  # fmt: skip


def test_all_forms_are_listed_and_found_by_name():
    assert set(forms) == SHIPPED
    for name, form in forms.items():
        assert form.name == name
        assert forms.find(name).names == form.names
        assert forms.find(form) is form
    assert set(FAMILIES) < SHIPPED


def test_list_of_forms_reads_as_a_table_of_formulas():
    lines = repr(forms).splitlines()
    assert len(lines) == len(forms)
    assert "two-term: L = E + A/N^α + B/D^β" in lines


def test_every_form_says_what_a_reader_needs():
    for form in forms.values():
        assert form.source
        assert form.identifies
        for item in (*form.inputs, form.response, *form.parameters):
            assert item.meaning
            assert item.unit
        json.dumps([form.formula, form.source, form.identifies])


def test_unknown_law_is_refused_with_the_names_there_are():
    with pytest.raises(Refusal, match="no law 'powr'; choose from: intrinsic, two-"):
        forms.find("powr")
    with pytest.raises(KeyError):
        forms["powr"]
