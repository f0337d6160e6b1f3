"""Specs: what an array may be."""

import pytest

from allometry.specs import ArraySpec


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (3,), "layout": "pile"}, "'pile' is not one of vector, set"),
        ({"shape": (3,), "layout": "set"}, r"a set has 2 axes, and its shape is \(3,"),
        ({"shape": (3, 2), "layout": "image"}, "an? image has 3 axes"),
        ({"shape": (3,), "layout": "tokens"}, "give num_values"),
    ],
)
def test_a_layout_that_an_array_cannot_have_is_refused(options, words) -> None:
    with pytest.raises(ValueError, match=words):
        ArraySpec(**options)
