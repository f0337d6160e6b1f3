import json

import jax
import pytest

from allometry.studies.fingerprint import JAX_OPTIONS, changes, fingerprint


def of(survey):
    return fingerprint(survey.study, survey.facts[0].bundle)


def test_the_same_study_has_the_same_fingerprint(studies):
    one, other = of(studies.survey_of()), of(studies.survey_of())
    assert one.text == other.text
    assert len(one.text) == 16
    assert changes(one.decided_by, other.decided_by) == []


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ({"training": {"length": 32}}, ["training"]),
        ({"training": {"checkpoints": 7}}, ["training"]),
        ({"agent": {"clip": 0.3}}, ["agent"]),
        ({"grid": {"seeds": 3}}, ["bundle"]),
        ({"grid": {"agent": {"width": [5]}}}, ["bundle"]),
    ],
)
def test_whatever_decides_numbers_changes_it(studies, table, changed):
    one, other = of(studies.survey_of()), of(studies.survey_of(**table))
    assert one.text != other.text
    assert changes(one.decided_by, other.decided_by) == changed


def test_devices_change_it_and_are_told_as_such(studies):
    one, two = (of(studies.survey_of(training={"devices": n})) for n in (1, 2))
    assert changes(one.decided_by, two.decided_by) == ["device"]
    assert two.decided_by["device"] == f"2 × {one.decided_by['device']}"


def test_words_for_the_reader_do_not_change_it(studies):
    words = {"title": "Another", "law": {"tuned": "by hand"}}
    assert of(studies.survey_of()).text == of(studies.survey_of(**words)).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jax_enable_x64", None),  # the other of the two
        ("jax_default_matmul_precision", "float32"),
        ("jax_default_prng_impl", "rbg"),
        ("jax_disable_most_optimizations", None),
    ],
)
def test_settings_of_jax_count(studies, name, value):
    before = of(studies.survey_of())
    kept = jax.config.values[name]
    value = not kept if value is None else value
    jax.config.update(name, value)
    try:
        after = of(studies.survey_of())
    finally:
        jax.config.update(name, kept)
    assert changes(before.decided_by, after.decided_by) == ["jax_config"]
    assert after.decided_by["jax_config"][name] == value
    assert json.loads(json.dumps(after.decided_by)) == after.decided_by


def test_an_older_record_without_them_is_told_as_changed(studies):
    now = of(studies.survey_of()).decided_by
    older = {name: value for name, value in now.items() if name != "jax_config"}
    assert changes(older, now) == ["jax_config"]


def test_every_setting_is_one_of_jax():
    assert set(JAX_OPTIONS) <= set(jax.config.values)


def test_flags_count_but_are_not_told(studies, monkeypatch):
    before = of(studies.survey_of())
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/home/someone")
    after = of(studies.survey_of())
    assert changes(before.decided_by, after.decided_by) == ["xla_flags"]
    assert "someone" not in json.dumps(after.decided_by)
