"""Whatever is wrong: one sentence with the remedy, code 2, and nothing deleted."""

import hashlib
import json
import shutil

import pytest

READERS = {
    "fit": ["fit"],
    "forecast": ["forecast", "--compute", "1e12"],
    "report": ["report"],
}


def refused(outcome, *words):
    """Check that the command ended in a sentence that holds `words`."""
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.out + outcome.err
    said = " ".join(outcome.err.split())
    for word in words:
        assert word in said, said
    assert said.endswith(".")


def contents(folder):
    return {
        file.relative_to(folder): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def sound(stores, tmp_path_factory):
    return stores.simulated(tmp_path_factory.mktemp("sound") / "store").path


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "store")


@pytest.mark.parametrize("verb", READERS)
def test_a_path_that_is_no_study(allometry, verb, tmp_path):
    missing = tmp_path / "missing"
    refused(allometry(*READERS[verb], missing), str(missing), "does not exist")
    assert not missing.exists()
    refused(allometry(*READERS[verb], tmp_path), "is empty", "allometry run")
    (tmp_path / "notes.txt").write_text("mine")
    refused(allometry(*READERS[verb], tmp_path), "has no study.json", "allometry run")
    file = tmp_path / "notes.txt"
    refused(allometry(*READERS[verb], file), str(file))
    assert contents(tmp_path).keys() == {file.relative_to(tmp_path)}


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.parametrize(
    "pattern",
    ["study.json", "runs-*.parquet", "bundles/*/curves-*.parquet"],
)
def test_a_damaged_record(allometry, verb, pattern, folder):
    path = sorted(folder.glob(pattern))[0]
    damage(path)
    before = contents(folder)
    refused(allometry(*READERS[verb], folder), str(path), "damaged", "copy")
    assert contents(folder) == before


@pytest.mark.parametrize("verb", READERS)
def test_damaged_manifests(allometry, verb, folder):
    bundle = sorted((folder / "bundles").iterdir())[0]
    for path in bundle.glob("manifest-*.json"):
        damage(path)
    before = contents(folder)
    refused(allometry(*READERS[verb], folder), str(bundle), "damaged")
    assert contents(folder) == before


def test_run_does_not_go_on_from_a_damaged_study(allometry, study, tmp_path, folder):
    damage(folder / "study.json")
    before = contents(folder)
    refused(allometry("run", study, "--out", folder), "study.json", "damaged")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = 2", "seeds = ", ["tiny.toml is not valid TOML", "line 17"]),
        ("copies", "copis", ["tiny.toml, line 12", 'no key "training.copis"']),
        ("= 1024", '= "many"', ["line 11", 'training.interactions is "many"']),
        ("= 1024", "= -1", ["line 11", "training.interactions is -1", "greater"]),
        ("width", "girth", ["line 20", 'no key "girth"', "width"]),
        ('"digits"', '"chess"', ["line 4", 'environment.name is "chess"', "digits"]),
        ('"digits"', '"one_value"', ['"one_value", which cannot be studied', "digits"]),
        ('"ppo"', '"ppo"\ntorso = "deep"', ['no torso "deep"', "cnn, encoder, mlp"]),
    ],
)
def test_a_study_file_with_an_error(allometry, study, tmp_path, old, new, words):
    study.write_text(study.read_text().replace(old, new, 1))
    refused(allometry("run", study, "--out", tmp_path / "out"), *words)
    refused(allometry("run", study, "--dry-run"), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("grid.seeds=0", ["--set grid.seeds", "greater than or equal to 1"]),
        ("agent.minibatches=3", ["--set agent.minibatches", "4 × 16 = 64 steps"]),
        ("environment.source=/nope", ["no folder /nope", "sklearn", "IDX"]),
        ("environment.sauce=1", ["--set environment.sauce", "source"]),
        ("nonsense", ['--set "nonsense" is not key=value', "--set training."]),
    ],
)
def test_a_change_with_an_error(allometry, study, tmp_path, change, words):
    outcome = allometry("run", study, "--out", tmp_path / "out", "--set", change)
    refused(outcome, *words)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_hold_a_study(allometry, study, tmp_path):
    refused(allometry("run", study, "--out", study), str(study), "is a file")
    refused(allometry("run", study, "--out", study / "in"), str(study), "folder")
    used = tmp_path / "used"
    used.mkdir()
    (used / "thesis.tex").write_text("mine")
    refused(allometry("run", study, "--out", used), "is not empty", "empty folder")
    assert (used / "thesis.tex").read_text() == "mine"
    refused(allometry("run", tmp_path / "no.toml"), "There is no study", "quickstart")
    refused(allometry("run", tmp_path), "is a folder", ".toml")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["--compute", "--performance"]),
        (["--compute", "1e12", "--performance", "0.9"], ["one of the two"]),
        (["--compute", "0"], ["compute"]),
        (["--compute", "-1"], ["compute"]),
        (["--compute", "nan"], ["compute"]),
        (["--compute", "inf"], ["compute"]),
        (["--performance", "1.5"], ["1.5"]),
        (["--performance", "0"], ["0"]),
        (["--performance", "nan"], ["nan"]),
    ],
)
def test_a_forecast_of_the_impossible(allometry, sound, options, words):
    refused(allometry("forecast", sound, *options), *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda fit: fit.pop("parameters"), ["`parameters` is missing"]),
        (lambda fit: fit.update(version=99), ["version 99", "newer"]),
        (lambda fit: fit.update(law=3), ["`law`"]),
        (lambda fit: fit.update(extra=3), ["`extra`"]),
    ],
)
def test_a_fit_that_is_none(allometry, sound, tmp_path, change, words):
    assert allometry("forecast", sound, "--compute", "1e12").code == 0
    fit = json.loads((sound / "fit.json").read_text(encoding="utf-8"))
    change(fit)
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(fit))
    refused(allometry("forecast", path, "--compute", "1e12"), str(path), *words)


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "quickstart", "--workers", "0"],
        ["run", "quickstart", "--commit-every", "-1"],
        ["run", "quickstart", "--commit-every", "nan"],
        ["run", "quickstart", "--commit-every", "soon"],
        ["run", "quickstart", "--nonsense"],
        ["fit"],
        ["forecast", "x", "--compute", "much"],
        ["nonsense"],
    ],
)
def test_an_impossible_option_is_a_usage_error(allometry, words):
    outcome = allometry(*words)
    assert outcome.code == 2
    assert outcome.err
    assert "Traceback" not in outcome.err
