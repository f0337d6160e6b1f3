import json

import pytest

from allometry.curves.store import open_store


def fit_of(path):
    return json.loads((path / "fit.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(stores, tmp_path_factory):
    return stores.simulated(tmp_path_factory.mktemp("fit") / "store").path


def test_a_fit_is_printed_and_stored_with_the_keys_that_are_documented(
    allometry, folder
):
    outcome = allometry("fit", folder)
    assert outcome.code == 0
    assert "With ten times the compute, the best model is" in outcome.said
    assert f"Written: {folder / 'fit.json'}" in outcome.out
    found = fit_of(folder)
    assert {
        "version",
        "law",
        "parameters",
        "derived",
        "identified",
        "warnings",
        "card",
    } <= set(found)
    assert found["law"] == "intrinsic"
    assert found["identified"] is True
    for estimate in [*found["parameters"].values(), *found["derived"].values()]:
        assert set(estimate) == {"value", "low", "high", "unit", "identified"}
    exponent = found["derived"]["size_exponent"]
    # The simulation's truth: α_E / (α_N + α_E) = .417.
    assert exponent["low"] < 0.5 / 1.2 < exponent["high"]
    assert f"{exponent['value']:.4g}" in outcome.out


def test_json_is_what_the_file_holds_and_no_more(allometry, folder):
    outcome = allometry("fit", folder, "--json")
    assert outcome.code == 0
    assert outcome.out == (folder / "fit.json").read_text(encoding="utf-8")


def test_an_axis_that_has_a_law_each_writes_a_file_each(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s", by_horizon=True).path
    outcome = allometry("fit", path)
    assert outcome.code == 0
    files = sorted(file.name for file in path.glob("fit*.json"))
    assert files == ["fit-horizon-1.json", "fit-horizon-4.json"]
    assert "h = 1" in outcome.out
    assert "h = 4" in outcome.out
    texts = {(path / file).read_text(encoding="utf-8") for file in files}
    assert len(texts) == 2


def test_diverged_runs_are_counted_and_the_fit_is_shown_without_them(
    allometry, stores, tmp_path
):
    path = stores.simulated(tmp_path / "s", diverged=2).path
    outcome = allometry("fit", path)
    assert outcome.code == 0
    card = fit_of(path)["card"]
    assert len(card["runs"]["nonfinite_runs"]) == 2
    assert card["without_nonfinite_runs"]["identified"] is True
    assert "non-finite" in outcome.said


def test_what_is_not_identified_is_said_and_no_empty_number_is_printed(
    allometry, stores, tmp_path
):
    law = {"band": [0.9, 0.95], "drift_bands": [], "other_bands": []}
    path = stores.simulated(tmp_path / "s", law=law).path
    outcome = allometry("fit", path)
    assert outcome.code == 0
    assert "Not identified" in outcome.out
    assert "nan" not in outcome.out
    assert fit_of(path)["identified"] is False


def test_doubts_of_the_record_are_warnings_of_the_law(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    bundle = open_store(path).bundles[0]
    claim = open_store(path).claim(bundle, {})
    doubt = "Bundle x goes on under another fingerprint."
    claim.commit(
        curves=None,
        scores=None,
        checkpoint=None,
        metadata={"warnings": [doubt]},
        status={},
        fingerprint="beef",
        finished=True,
    )
    outcome = allometry("fit", path)
    assert doubt in outcome.said
    assert doubt in fit_of(path)["warnings"]
