import datetime

import pytest

from allometry.studies.toml import line_of, parse_value

TEXT = """\
# name = "comment"
title = "a"

[grid]
seeds = 3

  [grid.agent]
  "width" = [
    4,
    5,
  ]
agent.depth = 1
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3e-3", 3e-3),
        ("1_000", 1000),
        ("[4, 8]", [4, 8]),
        ("true", True),
        ('"3"', "3"),
        ("mlp", "mlp"),
        ("two words", "two words"),
        ("{a = 1}", {"a": 1}),
        ("2026-01-01", datetime.date(2026, 1, 1)),
        ("", ""),
    ],
)
def test_what_is_typed_is_a_toml_value_or_a_word(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("title", 2),
        ("grid", 4),
        ("grid.seeds", 5),
        ("grid.agent.width", 8),
        ("grid.agent.agent.depth", 12),
        ("grid.agent.torso", 7),
        ("grid.runs_per_bundle", 4),
        ("name", None),
        ("law.band", None),
    ],
)
def test_a_key_is_found_on_its_line_or_that_of_its_table(key, line):
    assert line_of(TEXT, key) == line
