import json

import pytest

from allometry.studies.fingerprint import changes, fingerprint


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


def test_flags_count_but_are_not_told(studies, monkeypatch):
    before = of(studies.survey_of())
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/home/someone")
    after = of(studies.survey_of())
    assert changes(before.decided_by, after.decided_by) == ["xla_flags"]
    assert "someone" not in json.dumps(after.decided_by)
