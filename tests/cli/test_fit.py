import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from allometry.curves.store import open_store

#: A power law of a table: cost = 50 width^−0.35.
POWER = ["--law", "power", "--column", "x=width", "--column", "y=cost"]
KEYS = {
    "version",
    "law",
    "parameters",
    "derived",
    "identified",
    "warnings",
    "replicates",
    "residuals",
    "card",
    "points",
    "spread",
    "resampling",
    "quantile",
}
EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/horizon.csv"


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


def test_a_study_that_asks_for_one_law_now_keeps_none_of_the_others(
    allometry, stores, tmp_path
):
    store = stores.simulated(tmp_path / "s", by_horizon=True)
    assert allometry("fit", store.path).code == 0
    one = {key: value for key, value in store.study["law"].items() if key != "by"}
    store.retold(store.study | {"law": one})
    assert allometry("fit", store.path).code == 0
    assert [file.name for file in store.path.glob("fit*.json")] == ["fit.json"]


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


@pytest.fixture
def table(tmp_path):
    """Costs of 12 widths and 3 seeds, with 2 % of luck."""
    generator = np.random.default_rng(0)
    width = np.repeat(np.geomspace(1e1, 1e6, 12), 3)
    luck = np.exp(0.02 * generator.standard_normal(len(width)))
    path = tmp_path / "costs.csv"
    pl.DataFrame({"width": width, "cost": 50 * width**-0.35 * luck}).write_csv(path)
    return path


def values(found):
    return {name: one["value"] for name, one in found["parameters"].items()}


def test_a_power_law_of_a_table_is_told_and_written_beside_it(allometry, table):
    outcome = allometry("fit", table, *POWER)
    assert outcome.code == 0
    target = table.with_name("costs.fit.json")
    assert f"Written: {target}" in outcome.out
    assert f"allometry plot {target}" in outcome.said
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["law"] == "power"
    assert found["identified"] is True
    for name, truth in (("a", 50), ("b", 0.35)):
        one = found["parameters"][name]
        assert one["low"] < truth < one["high"]
        assert one["value"] == pytest.approx(truth, rel=0.03)
        row = f"{name} {one['value']:.4g} {one['low']:.4g} to {one['high']:.4g}"
        assert row in outcome.said
    assert found["spread"] == pytest.approx(0.02, rel=0.3)


def test_json_of_a_table_has_the_documented_keys(allometry, table, tmp_path):
    out = tmp_path / "power.json"
    outcome = allometry("fit", table, *POWER, "--out", out, "--json")
    assert set(outcome.document) == KEYS
    assert outcome.out == out.read_text(encoding="utf-8")
    assert not table.with_name("costs.fit.json").exists()
    card = outcome.document["card"]
    assert card["command"].startswith(f"allometry fit {table} --law power")
    assert card["columns"] == {"x": "width", "y": "cost"}


def test_settings_reach_the_fit(allometry, table):
    words = ["--set", "interval=bootstrap", "--set", "resamples=40", "--json"]
    found = allometry("fit", table, *POWER, *words).document
    assert found["resampling"] == "bootstrap"
    assert len(found["replicates"]) == 40
    assert values(found) == pytest.approx({"a": 50.0, "b": 0.35}, rel=0.03)
    found = allometry("fit", table, *POWER, "--by", "width", "--json").document
    assert len(found["replicates"]) == 12


def reach(path, settings, need, seeds=2):
    """Write curves that gain 0.1 per e-fold, and are at 0.5 where they `need` to be.

    Crossings are read log-linearly between checkpoints, hence without an error.
    """
    steps = np.geomspace(1e3, 1e7, 9)
    rows = [
        {
            "run": f"run-{number}-{seed}",
            **setting,
            "seed": seed,
            "interactions": step,
            "compute": 6 * step * setting.get("parameters", 1.0),
            "performance": 0.5 + 0.1 * float(np.log(step / need(**setting))),
        }
        for number, setting in enumerate(settings)
        for seed in range(seeds)
        for step in steps
    ]
    pl.DataFrame(rows).write_csv(path)
    return path


HORIZONS = [{"horizon": h} for h in (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)]
SIZES = [{"parameters": float(N)} for N in np.geomspace(1e3, 1e6, 7)]
GRID = [
    {"updates_per_interaction": float(sigma), "parameters": float(N)}
    for sigma in np.geomspace(0.25, 8, 6)
    for N in np.geomspace(1e4, 1e6, 6)
]


def by_horizon(horizon):
    return 2e4 * (1 + horizon / 20)


def by_size(parameters):
    return 1e6 * parameters**-0.3


def by_both(updates_per_interaction, parameters):
    sigma, N = updates_per_interaction, parameters
    return 2e4 * (1 + (2 / sigma) ** 0.7 + (1e5 / N) ** 0.6)


@pytest.mark.parametrize(
    ("settings", "need", "words", "truth"),
    [
        (HORIZONS, by_horizon, ["horizon"], {"E_0": 2e4, "h_0": 20.0}),
        (
            GRID,
            by_both,
            ["threshold"],
            {"D_min": 2e4, "a": 2.0, "alpha": 0.7, "b": 1e5, "beta": 0.6},
        ),
        (
            SIZES,
            by_size,
            ["power", "--column=x=parameters", "--column=y=interactions"],
            {"a": 1e6, "b": 0.3},
        ),
        (
            SIZES,
            by_size,
            ["power", "--of=compute", "--column=x=parameters", "--column=y=compute"],
            {"a": 6e6, "b": -0.7},
        ),
    ],
    ids=["horizon", "threshold", "power", "power of compute"],
)
def test_at_a_performance_the_law_is_that_of_what_runs_needed(
    allometry, tmp_path, settings, need, words, truth
):
    path = reach(tmp_path / "curves.csv", settings, need)
    outcome = allometry("fit", path, "--at", "0.5", "--law", *words, "--json")
    found = outcome.document
    assert set(found) == KEYS
    assert found["law"] == words[0]
    assert found["identified"] is True
    assert values(found) == pytest.approx(truth, rel=1e-4)
    of = "compute" if "--of=compute" in words else "interactions"
    assert found["card"]["at"] == {"performance": 0.5, "of": of}
    assert len(found["residuals"]) == 2 * len(settings)


def test_the_level_says_what_is_needed(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon)
    outcome = allometry("fit", path, "--law", "horizon", "--at", "0.4", "--json")
    # A tenth of performance is an e-fold of interactions.
    truth = {"E_0": 2e4 / np.e, "h_0": 20.0}
    assert values(outcome.document) == pytest.approx(truth, rel=1e-4)


def test_runs_that_never_get_there_are_counted(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon, seeds=3)
    early = pl.col("interactions") < by_horizon(10.0)
    pl.read_csv(path).filter(early | (pl.col("run") != "run-2-0")).write_csv(path)
    outcome = allometry("fit", path, "--law", "horizon", "--at", "0.5")
    assert outcome.code == 0
    assert "1 row has no interactions (runs that never got there" in outcome.said
    found = json.loads(path.with_name("curves.fit.json").read_text("utf-8"))
    assert len(found["residuals"]) == 17
    assert values(found) == pytest.approx({"E_0": 2e4, "h_0": 20.0}, rel=1e-4)


def test_the_horizon_study_of_the_documentation_is_fitted(allometry, tmp_path):
    out = tmp_path / "horizon.json"
    words = ["--law", "horizon", "--at", "0.6", "--out", out]
    outcome = allometry("fit", EXAMPLE, *words)
    assert outcome.code == 0
    assert "Not identified" not in outcome.said
    found = json.loads(out.read_text(encoding="utf-8"))
    # What the command gave when the study was published.
    assert values(found) == pytest.approx({"E_0": 3.306e4, "h_0": 50.93}, rel=0.01)
    assert found["parameters"]["E_0"]["unit"] == "agent steps"
    assert found["identified"] is True


def test_a_performance_that_few_reach_does_not_tell_the_law(allometry, tmp_path):
    words = ["--law", "horizon", "--at", "0.99", "--out", tmp_path / "horizon.json"]
    outcome = allometry("fit", EXAMPLE, *words)
    assert outcome.code == 0
    assert "Not identified" in outcome.said
    assert "45 rows have no interactions" in outcome.said
    assert "at 1 of the settings, which are left out" in outcome.said


def test_a_fit_that_takes_the_place_of_another_law_says_so(allometry, table, tmp_path):
    target = table.with_name("costs.fit.json")
    assert "Replaced" not in allometry("fit", table, *POWER).out
    assert "Replaced" not in allometry("fit", table, *POWER).out
    floor = ["--law", "power-floor", *POWER[2:]]
    outcome = allometry("fit", table, *floor)
    replaced = f"Replaced: {target} held the power law; --out keeps both."
    assert replaced in outcome.out.splitlines()
    assert json.loads(target.read_text("utf-8"))["law"] == "power-floor"
    other = tmp_path / "other.json"
    assert "Replaced" not in allometry("fit", table, *POWER, "--out", other).out
    # JSON is the fit and nothing else.
    assert allometry("fit", table, *POWER, "--json").document["law"] == "power"
    other.write_text("no fit at all", encoding="utf-8")
    assert "Replaced" not in allometry("fit", table, *POWER, "--out", other).out


def test_a_study_s_own_law_says_that_it_takes_the_place_of_another(
    allometry, stores, tmp_path
):
    path = stores.simulated(tmp_path / "s").path
    words = ["--law", "power", "--column", "x=compute", "--column", "y=interactions"]
    assert "Replaced" not in allometry("fit", path, *words).out
    outcome = allometry("fit", path)
    assert f"Replaced: {path / 'fit.json'} held the power law" in outcome.out
    assert "Replaced" not in allometry("fit", path).out


def test_curves_that_lack_compute_are_told_where_to_get_it(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", SIZES, by_size)
    frame = pl.read_csv(path).drop("compute")
    frame.write_csv(path)
    allometry("fit", path).refuses(
        "the intrinsic law lacks compute; for compute, name its column, --column "
        f"compute=NAME, or make it: allometry import csv {path} --out DIR --kappa 6)."
    )
    folder = tmp_path / "o"
    assert allometry("import", "csv", path, "--out", folder).code == 0
    allometry("fit", folder).refuses(
        "for compute, import the curves again with --kappa 6)."
    )
    kappa = ["--kappa", "6", "--overwrite"]
    assert allometry("import", "csv", path, "--out", folder, *kappa).code == 0
    assert allometry("fit", folder, "--json").document["law"] == "intrinsic"
    frame.drop("parameters").write_csv(path)
    allometry("fit", path).refuses("--kappa 6 --parameters NAME=1.2e6).")
    # Nothing is made of curves that lack interactions, too.
    frame.drop("interactions").with_columns(updates=frame["interactions"]).write_csv(
        path
    )
    said = allometry("fit", path)
    said.refuses("Say which law: --law NAME (the intrinsic law lacks")
    assert "--kappa" not in said.said


def test_rows_before_the_first_step_are_left_out_with_a_note(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", SIZES[:1], by_size, seeds=3)
    frame = pl.read_csv(path).with_columns(performance=pl.col("performance") + 1)
    words = ["--law", "power", "--column", "x=interactions"]
    words += ["--column", "y=performance", "--out", tmp_path / "power.json"]
    frame.write_csv(path)
    whole = allometry("fit", path, *words, "--json").document
    for count, rows in ((1, "1 row at 0 interactions is"), (3, "3 rows at 0 int")):
        first = frame.filter(pl.col("interactions") == pl.col("interactions").min())
        zero = first.head(count).with_columns(interactions=0.0, compute=0.0)
        pl.concat([zero, frame]).write_csv(path)
        found = allometry("fit", path, *words, "--json").document
        assert values(found) == values(whole)
        assert any(rows in said for said in found["warnings"])
        assert rows in allometry("fit", path, *words).said
    # A table with a row per run has no first step: its zeros are told as such.
    ends = frame.group_by("run", maintain_order=True).last()
    ends.with_columns(interactions=0.0).write_csv(path)
    allometry("fit", path, *words).refuses("'interactions' is 0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], ["Say which law: --law NAME", "lacks run", "power (x → y)"]),
        (["--law", "chinchilla"], ["no law 'chinchilla'; choose from: intrinsic"]),
        (["--law", "power"], ["no column 'x'", "'power' needs", "--column x=…"]),
        (["--law", "two-term"], ["no column 'parameters'", "--column parameters=…"]),
        ([*POWER[:4], "--column", "y=cots"], ["'cots'", "Did you mean 'cost'?"]),
        ([*POWER, "--column", "x=cost"], ["--column gives 'x' twice", "keep one"]),
        ([*POWER, "--column", "z"], ["'z' is no pair", "parameters=critic_params"]),
        ([*POWER, "--set", "los=huber"], ["no key 'los'", "Use one of: loss, delta"]),
        ([*POWER, "--set", "loss=cubic"], ["'loss' cannot be used", "'squared'"]),
        ([*POWER, "--set", "delta=-1"], ["delta is -1: give a number above 0"]),
        ([*POWER, "--set", "delta=1,x"], ["--set delta: 'x' is no number"]),
        ([*POWER, "--set", "delta=nan"], ["delta is nan: give a number above 0"]),
        ([*POWER, "--set", "delta=inf"], ["delta is inf", "that is finite"]),
        ([*POWER, "--set", "chance=nan"], ["chance is nan: give a finite number"]),
        ([*POWER, "--set", "exclude_first=nan"], ["exclude_first is nan", "less than"]),
        ([*POWER, "--set", "resamples=inf"], ["'resamples' cannot", "finite number"]),
        ([*POWER, "--set", "seed=-1"], ["seed is -1", "at least 0"]),
        ([*POWER, "--set", "seed=nan"], ["'seed' cannot be used", "finite number"]),
        ([*POWER, "--of", "compute"], ["--of compute", "add --at, or leave --of out"]),
        ([*POWER, "--column", "run=nope"], ["no column 'nope' for 'run'", "run=NAME"]),
        ([*POWER, "--set", "exclude_first=1"], ["exclude_first is 1", "less than 1"]),
        ([*POWER, "--set", "resamples=9"], ["resamples is 9", "at least 20"]),
        ([*POWER, "--by", "depth"], ["no column 'depth' to group by", "width, cost"]),
        ([*POWER, "--at", "0.5"], ["needs the column 'run'", "width, cost. Name it"]),
        ([*POWER, "--out", "no/fit.json"], ["no/fit.json cannot be written"]),
    ],
)
def test_bad_input_about_a_table_is_named(
    allometry, table, monkeypatch, words, message
):
    monkeypatch.chdir(table.parent)
    for more in ([], ["--json"]):
        allometry("fit", "costs.csv", *words, *more).refuses(*message)
    assert [file.name for file in table.parent.iterdir()] == ["costs.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], ["With --at, name the form too: --law power"]),
        (["--law", "horizn"], ["no law 'horizn'; choose from: ", "horizon"]),
        (
            ["--law", "threshold"],
            ["'updates_per_interaction' (σ", "--column updates_per_interaction=…"],
        ),
        (["--law", "horizon", "--of", "joules"], ["'joules'", "has: run, horizon"]),
        (["--law", "horizon", "--of", "note"], ["'note' holds String", "--of NAME"]),
        (["--law", "horizon", "--of", "performance"], ["'performance' is nothing"]),
        (
            ["--law", "horizon", "--column", "horizon=horizn"],
            ["Did you mean 'horizon'"],
        ),
        (["--law", "horizon", "--by", "depth"], ["no column 'depth' to group by"]),
    ],
)
def test_bad_input_about_a_performance_is_named(allometry, tmp_path, words, message):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon)
    pl.read_csv(path).with_columns(note=pl.lit("a")).write_csv(path)
    allometry("fit", path, "--at", "0.5", *words).refuses(*message)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.csv"]


@pytest.mark.parametrize("at", ["2", "nan", "inf", "-3"])
def test_a_performance_that_no_run_crosses_is_refused(allometry, tmp_path, at):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon)
    frame = pl.read_csv(path)
    low, high = frame["performance"].min(), frame["performance"].max()
    allometry("fit", path, "--law", "horizon", "--at", at).refuses(
        f"No run crosses performance = {float(at):g}",
        f"go from {low:.4g} to {high:.4g}. Ask for a performance in between",
    )


def test_a_performance_that_too_few_reach_has_a_remedy(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon)
    first = pl.col("run").str.ends_with("-0")
    frame = pl.read_csv(path)
    frame.filter(first | (pl.col("performance") < 0.5)).write_csv(path)
    allometry("fit", path, "--law", "horizon", "--at", "0.5").refuses(
        "6 settings left out", "ask for a performance that most runs reach (--at)"
    )


def test_columns_that_were_guessed_keep_their_names(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", SIZES, by_size)
    words = ["--law", "power", "--at", "0.5", "--json"]
    ours = ["--column", "x=parameters", "--column", "y=compute"]
    ours += ["--of", "compute", "--by", "parameters"]
    found = allometry("fit", path, *words, *ours).document
    frame = pl.read_csv(path).rename({"parameters": "size", "compute": "flops"})
    frame.write_csv(path)
    own = ["--column", "x=size", "--column", "y=flops", "--of", "flops"]
    again = allometry("fit", path, *words, *own, "--by", "size").document
    assert again["parameters"] == found["parameters"]
    assert again["card"]["at"] == {"performance": 0.5, "of": "compute"}


def test_without_a_status_every_run_has_ended(allometry, tmp_path):
    path = tmp_path / "digits.csv"
    words = ["fit", path, "--law", "intrinsic", "--json"]
    frame = pl.read_csv(EXAMPLE.with_name("digits.csv"))
    assert set(frame["status"]) == {"done"}
    frame.write_csv(path)
    found = allometry(*words).document
    frame.drop("status").write_csv(path)
    assert allometry(*words).document == found
    assert allometry("fit", path, "--json").document["law"] == "intrinsic"


def test_a_column_that_we_add_is_in_no_list(allometry, tmp_path):
    path = reach(tmp_path / "curves.csv", HORIZONS, by_horizon)
    words = ["--law", "power", "--column", "x=nope", "--column", "y=seed"]
    columns = "run, horizon, seed, interactions, compute, performance"
    allometry("fit", path, *words).refuses(f"Its columns: {columns}.")
    pl.read_csv(path).with_columns(status=pl.lit("done")).write_csv(path)
    allometry("fit", path, *words).refuses(f"Its columns: {columns}, status.")


def test_too_few_data_are_refused_with_what_it_takes(allometry, table, tmp_path):
    pl.read_csv(table).head(2).write_csv(table)
    allometry("fit", table, *POWER).refuses(
        "'power' has 2 parameters, and there are 2 observations", "at least 3"
    )
    path = reach(tmp_path / "curves.csv", HORIZONS[:1], by_horizon)
    allometry("fit", path, "--law", "horizon", "--at", "0.5").refuses(
        "'horizon' has 2 parameters, and there are 2 observations", "at least 3"
    )


def test_a_table_that_cannot_be_read_is_named(allometry, table):
    missing = table.with_name("absent.csv")
    allometry("fit", missing, *POWER).refuses(f"{missing} does not exist: name a table")
    table.write_text("width,cost\n1,2\n3\n", encoding="utf-8")
    allometry("fit", table, *POWER).refuses(
        f"{table}, line 3 has 1 cells, and the header has 2", "Give every line as many"
    )
    table.write_text("width,cost\n1,2\nwide,3\n", encoding="utf-8")
    allometry("fit", table, *POWER).refuses("'width' holds String", "to numbers")


def test_a_performance_that_is_no_number_is_a_usage_error(allometry, table):
    allometry("fit", table, *POWER, "--at", "high").is_usage_error("--at")
