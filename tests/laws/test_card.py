"""`fit.json` comes back as it went, and a damaged one is refused by name."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from allometry.laws import card
from allometry.laws.estimates import Estimate, Replicate
from allometry.laws.fitted import Fit
from allometry.laws.form.intrinsic import INTRINSIC
from allometry.laws.summary import sentences
from allometry.refusal import Refusal

SCRIPT = '<img src=x onerror="alert(1)"> $\\href{javascript:alert(1)}{x}$ \u2028'


def some_fit(**changes: object) -> Fit:
    fit = Fit(
        law="intrinsic",
        parameters={"alpha_N": Estimate(0.7, 0.6, 0.8)},
        derived={
            "size_exponent": Estimate(0.41, 0.3, 0.52),
            "interactions_exponent": Estimate(0.59, 0.48, 0.7),
            "E_c": Estimate(3.0e3, 1e3, 9e3, "agent steps"),
        },
        identified=True,
        warnings=("The band is narrow.",),
        replicates=(Replicate(388.0, {"alpha_N": 0.71}), Replicate(9e4, {})),
        residuals=(0.1, -0.2),
        card={"form": "I^(−β) = …", "counts": [1, 2], "nested": {"a": None, "b": True}},
        points={"parameters": (388.0, 9e4), "performance": (0.5, 0.7)},
        spread=0.2,
        form=INTRINSIC,
    )
    return dataclasses.replace(fit, **changes)


def document(**changes: object) -> dict:
    return json.loads(card.to_json(some_fit())) | changes


def test_round_trip_is_exact() -> None:
    fit = some_fit(residuals=(0.1 + 0.2, 1e-300, -5.0))
    assert card.from_json(card.to_json(fit), "memory") == fit


def test_an_estimate_is_read_back_from_what_json_knows() -> None:
    for known in (
        Estimate(0.7, 0.6, 0.8),
        Estimate(2e9, 1e9, math.inf, "FLOPs", False),
    ):
        told = json.loads(json.dumps(card.plain([known])[0], allow_nan=False))
        high = known.high if math.isfinite(known.high) else math.nan
        assert repr(card.estimate(told)) == repr(dataclasses.replace(known, high=high))


def test_documented_keys_in_order() -> None:
    assert list(document()) == [
        "version", "law", "parameters", "derived", "identified", "warnings",
        "replicates", "residuals", "card", "points", "spread", "resampling", "quantile",
    ]  # fmt: skip
    assert document()["derived"]["E_c"] == {
        "value": 3000.0, "low": 1000.0, "high": 9000.0, "unit": "agent steps",
        "identified": True,
    }  # fmt: skip


def test_a_fit_of_version_1_is_read() -> None:
    old = document(version=1)
    for name in ("points", "spread", "resampling", "quantile"):
        del old[name]
    for key in ("parameters", "derived"):
        for entry in old[key].values():
            del entry["identified"]
    again = card.from_json(json.dumps(old), "memory")
    assert again.parameters == some_fit().parameters
    assert again.points == {}
    assert again.quantile == 1.645


def test_non_finite_numbers_become_null_and_come_back_as_nan() -> None:
    fit = some_fit(
        parameters={"alpha_N": Estimate(0.7, math.nan, math.inf)},
        replicates=(Replicate(388.0, {"alpha_N": math.nan}),),
        residuals=(math.nan, 1.0),
        card={"agreement": math.nan},
    )
    text = card.to_json(fit)
    assert "NaN" not in text
    assert "Infinity" not in text
    again = card.from_json(text, "memory")
    assert math.isnan(again.parameters["alpha_N"].low)
    assert math.isnan(again.parameters["alpha_N"].high)
    assert math.isnan(again.replicates[0].parameters["alpha_N"])
    assert math.isnan(again.residuals[0])
    assert again.residuals[1] == 1.0
    assert again.card["agreement"] is None


def test_numpy_values_of_the_card_become_numbers() -> None:
    fit = some_fit(
        card={"n": np.int64(3), "x": np.array([1.0, np.nan]), "ok": np.bool_(True)}
    )
    again = card.from_json(card.to_json(fit), "memory")
    assert again.card == {"n": 3, "x": [1.0, None], "ok": True}


def test_strings_are_inert_and_exact() -> None:
    fit = some_fit(warnings=(SCRIPT,), card={"study": SCRIPT, SCRIPT: 1})
    again = card.from_json(card.to_json(fit), "memory")
    assert again.warnings == (SCRIPT,)
    assert again.card == {"study": SCRIPT, SCRIPT: 1}


def test_write_then_read(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    card.write(some_fit(), path)
    card.write(some_fit(identified=False), path)
    assert card.read(path) == some_fit(identified=False)
    assert [item.name for item in tmp_path.iterdir()] == ["fit.json"]


def test_failed_write_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fit.json"
    card.write(some_fit(), path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(card.os, "fsync", full_disk)
    with pytest.raises(Refusal, match="No space left on device"):
        card.write(some_fit(identified=False), path)
    assert card.read(path) == some_fit()
    assert [item.name for item in tmp_path.iterdir()] == ["fit.json"]


def test_write_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"nowhere/fit\.json cannot be written"):
        card.write(some_fit(), tmp_path / "nowhere" / "fit.json")


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"fit\.json does not exist.*allometry fit"):
        card.read(tmp_path / "fit.json")
    with pytest.raises(Refusal, match="cannot be read"):
        card.read(tmp_path)


def test_a_file_cut_at_any_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    whole = card.to_json(some_fit()).rstrip().encode()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(Refusal, match=r"fit\.json"):
            card.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON.*line 1"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "is not a fit"),
        ("{}", "`version`"),
        (json.dumps(document(version=3)), "version 3.*newer"),
        (json.dumps(document(version="1")), "`version` should be a whole number"),
        (json.dumps(document(version=True)), "`version` should be a whole number"),
        (json.dumps(document(extra=1)), "`extra` is not a field"),
        (json.dumps(document(law=3)), "`law` cannot be used"),
        (json.dumps(document(residuals=["x"])), "`residuals.0` cannot be used"),
        (
            json.dumps(document(derived={"beta": {"value": 1.0, "low": 0.0}})),
            "`derived.beta.high` is missing",
        ),
    ],
)
def test_damage_is_named_with_source_field_and_remedy(text: str, message: str) -> None:
    with pytest.raises(Refusal, match=message) as caught:
        card.from_json(text, "runs/fit.json")
    assert str(caught.value).startswith("runs/fit.json")
    assert "allometry fit" in str(caught.value)


@pytest.mark.parametrize("key", list(document()))
def test_every_missing_key_is_named(key: str) -> None:
    text = json.dumps({k: v for k, v in document().items() if k != key})
    with pytest.raises(Refusal, match=f"`{key}`"):
        card.from_json(text, "fit.json")


def test_sentences_of_a_law() -> None:
    said = sentences(some_fit())
    assert said[0] == (
        "With ten times the compute, the best model is 2.6 (2.0 to 3.3) times larger."
    )
    assert said[1] == "The best model size grows as compute^0.41 (0.30 to 0.52)."
    assert said[-1] == "The band is narrow."


def test_sentences_of_no_law_give_the_reasons_and_no_number() -> None:
    said = sentences(some_fit(identified=False))
    assert said[0].startswith("Not identified")
    assert "The band is narrow." in said
    assert not any("0.41" in sentence for sentence in said)
