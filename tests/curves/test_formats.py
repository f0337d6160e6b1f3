"""Every format gives the same table; damaged files end in a sentence, never worse."""

import gzip
import importlib.util
import inspect
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import allometry.curves
from allometry.cli.import_ import FORMATS as NAMED
from allometry.curves import from_sb3, from_tensorboard
from allometry.curves.formats import FORMATS, load
from allometry.curves.from_dreamerv3 import MOST_BYTES
from allometry.curves.mapping import Wanted, conform
from allometry.refusal import Refusal

_SPEC = importlib.util.spec_from_file_location(
    "foreign", Path(__file__).with_name("foreign.py")
)
foreign = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(foreign)

WRITERS = {
    "csv": lambda d: foreign.long_table(d / "log.csv"),
    "wide": lambda d: foreign.wide_table(d / "wide.csv"),
    "tensorboard": lambda d: (
        foreign.tensorboard(d / "tb" / "a" / "x.tfevents.1").parent
    ),
    "cleanrl": lambda d: foreign.tensorboard(
        d / "runs" / "Ant-v4__ppo__3__1700" / "events.out.tfevents.1",
        name="charts/episodic_return",
    ).parents[1],
    "sb3": lambda d: foreign.sb3_progress(d / "sb3"),
    "rllib": lambda d: foreign.rllib(d / "trial"),
    "wandb": lambda d: foreign.wandb_offline(d / "run" / "run-abc.wandb"),
    "mlflow": lambda d: foreign.mlflow_folder(d / "mlruns"),
    "dreamerv3": lambda d: foreign.dreamerv3(d / "scores.json.gz"),
}
#: What a format needs to be told.
TOLD = {"tensorboard": Wanted(columns={"performance": "charts/score"})}


def read(name: str, path: Path) -> pl.DataFrame:
    return load(name, [path], TOLD.get(name, Wanted())).table


def test_there_is_a_writer_a_function_and_a_name_for_every_format() -> None:
    assert set(WRITERS) == set(FORMATS) == set(NAMED)
    functions = {name for name in allometry.curves.__all__ if name.startswith("read_")}
    assert functions == {f"read_{name}" for name in FORMATS}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(name: str, tmp_path: Path) -> None:
    table = read(name, WRITERS[name](tmp_path))
    one = table.filter(pl.col("run") == table["run"][0]).sort("interactions")
    # Before its first episode has ended, RLlib has no mean return: NaN, no divergence.
    first = 1 if name == "rllib" else 0
    assert one["interactions"].to_list() == list(foreign.STEPS)[first:]
    assert one["performance"].to_list() == pytest.approx(list(foreign.SCORES)[first:])
    assert set(table["status"]) <= {"done", "nonfinite"}
    if name == "rllib":
        assert set(table["status"]) == {"done"}
    assert table.schema["run"] == pl.String


def test_what_the_formats_know_of_runs(tmp_path: Path) -> None:
    cleanrl = read("cleanrl", WRITERS["cleanrl"](tmp_path))
    assert cleanrl.select("task", "method", "seed").row(0) == ("Ant-v4", "ppo", 3)
    rllib = read("rllib", WRITERS["rllib"](tmp_path))
    assert rllib.select("task", "seed", "run").row(0) == ("Ant", 5, "a1")
    wandb = read("wandb", WRITERS["wandb"](tmp_path))
    assert wandb.select("run", "seed").row(0) == ("ppo-0", 3)
    mlflow = read("mlflow", WRITERS["mlflow"](tmp_path))
    assert mlflow.select("run", "seed").row(0) == ("ppo-a", 7)
    scores = read("dreamerv3", WRITERS["dreamerv3"](tmp_path))
    assert scores["task"].unique().sort().to_list() == ["dmc-walker-run", "dmc_walker"]
    assert scores["run"].n_unique() == 4


def test_a_database_of_mlflow_tells_runs_of_one_name_apart(tmp_path: Path) -> None:
    table = read("mlflow", foreign.mlflow_database(tmp_path / "mlflow.db"))
    assert table["run"].unique().sort().to_list() == ["ppo u1", "ppo u2"]
    lost = table.filter(pl.col("run") == "ppo u2")
    assert set(lost["status"]) == {"nonfinite"}
    assert lost.sort("interactions")["performance"].to_list()[-1] is None


def test_an_export_of_wandb_has_a_run_per_column(tmp_path: Path) -> None:
    table = read("wandb", foreign.wandb_export(tmp_path / "chart.csv"))
    assert table["run"].unique().sort().to_list() == ["ppo-0", "ppo-1"]
    assert table.filter(pl.col("run") == "ppo-1")["performance"].max() == 9.0


def test_monitors_are_merged_by_time(tmp_path: Path) -> None:
    frame = from_sb3.read(foreign.sb3_monitors(tmp_path / "m"))
    assert frame["interactions"].to_list() == [10, 30, 40, 60, 70, 90, 100, 120]
    returns = [0.0, 1.0, 1.5, 2.5, 3.0, 4.0, 4.5, 5.5]
    means = [sum(returns[: k + 1]) / (k + 1) for k in range(8)]
    assert frame["performance"].to_list() == pytest.approx(means)


def test_a_torn_last_line_of_a_monitor_is_left_out(tmp_path: Path) -> None:
    folder = foreign.sb3_monitors(tmp_path / "m")
    file = folder / "0.monitor.csv"
    file.write_text(file.read_text()[:-4], encoding="utf-8")
    assert from_sb3.read(folder).height == 7


def test_a_restart_holds_from_its_first_step_on(tmp_path: Path) -> None:
    run = tmp_path / "a"
    foreign.tensorboard(run / "e.tfevents.1")
    foreign.tensorboard(run / "e.tfevents.2", (200, 400), (8.0, 9.0))
    frame = from_tensorboard.read(run)
    assert frame["step"].to_list() == [0, 100, 200, 400]
    assert frame["charts/score"].to_list() == [0.0, 1.5, 8.0, 9.0]
    assert frame["tensor"].to_list() == [0.0, 3.0, 16.0, 18.0]


def test_a_torn_event_file_is_read_to_its_last_whole_record(tmp_path: Path) -> None:
    file = foreign.tensorboard(tmp_path / "a" / "e.tfevents.1")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert from_tensorboard.read(file)["step"].to_list() == [0, 100, 200]


def test_an_enormous_score_file_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(MOST_BYTES // 10_000_000 + 1):
            file.write(b" " * 10_000_000)
    with pytest.raises(Refusal, match="unpacks to more than 500 MB"):
        read("dreamerv3", path)


def test_links_in_folders_are_not_followed(tmp_path: Path) -> None:
    folder = WRITERS["tensorboard"](tmp_path).parent
    (folder / "loop").symlink_to(folder)
    assert (
        load("tensorboard", [folder], TOLD["tensorboard"]).table["run"].n_unique() == 1
    )


def target(path: Path) -> Path:
    """Give the file to damage."""
    if path.is_file():
        return path
    files = [p for p in sorted(path.rglob("*")) if p.is_file()]
    return next((p for p in files if "metrics" in p.parts), files[0])


@pytest.mark.parametrize("name", WRITERS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_files_end_in_a_sentence(name: str, tmp_path: Path, data) -> None:
    path = WRITERS[name](tmp_path)
    file = target(path)
    whole = file.read_bytes()
    kind = data.draw(st.sampled_from(["cut", "flip", "insert", "random"]))
    place = data.draw(st.integers(0, len(whole) - 1))
    if kind == "cut":
        file.write_bytes(whole[:place])
    elif kind == "flip":
        byte = bytes([whole[place] ^ data.draw(st.integers(1, 255))])
        file.write_bytes(whole[:place] + byte + whole[place + 1 :])
    elif kind == "insert":
        what = data.draw(st.sampled_from([b",", b"\n", b'"', b"\0", b"\xff", b"=1+1"]))
        file.write_bytes(whole[:place] + what + whole[place:])
    else:
        file.write_bytes(data.draw(st.binary(max_size=200)))
    said = ""
    try:
        said = f"{read(name, path).height} rows were read"
    except Refusal as refusal:
        said = str(refusal)
    assert len(said) > 15
    file.write_bytes(whole)


def test_importing_loads_no_jax_and_no_foreign_package() -> None:
    source = "".join(
        inspect.getsource(sys.modules[form.read.__module__])
        for form in FORMATS.values()
    )
    for package in (
        "import jax",
        "import wandb",
        "import mlflow",
        "import tensorboard",
    ):
        assert package not in source


def test_a_wide_table_may_name_its_runs_like_metrics(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("step,ppo/return,dqn/return\n1,2,3\n2,4,5\n")
    table = read("wide", tmp_path / "w.csv")
    assert table["run"].unique().sort().to_list() == ["dqn/return", "ppo/return"]
    assert table["interactions"].unique().sort().to_list() == [1, 2]


@pytest.mark.parametrize(
    "text",
    ["run,step,score\na,1,2\n", "step,run,b\n1,2,3\n", "performance,b\n1,2\n"],
    ids=["text", "numbers", "no axis"],
)
def test_a_long_table_is_not_wide(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(Refusal, match="as a long table has: import it as csv"):
        read("wide", tmp_path / "w.csv")


def test_a_run_of_a_wide_table_may_be_called_performance(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("step,performance\n1,2\n2,4\n")
    table = read("wide", tmp_path / "w.csv")
    assert table["run"].to_list() == ["performance"] * 2
    assert table["performance"].to_list() == [2, 4]


def test_the_states_of_other_tools_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("Name,State,_step,score\na,finished,1,2\nb,crashed,1,3\n")
    table = read("wandb", path)
    assert sorted(table["status"]) == ["done", "failed"]
    path.write_text("Name,State,_step,score\na,odd,1,2\n")
    with pytest.raises(Refusal, match=r"'odd' is none of.*--set status=done"):
        read("wandb", path)


def test_rows_at_whose_step_only_something_else_was_logged_are_left_out() -> None:
    frame = pl.DataFrame(
        {
            "run": ["a"] * 4 + ["b"] * 2 + ["c"] * 2,
            "step": [1, 2, 3, 4, 1, 2, 1, 2],
            "return": [0.1, None, 0.3, None, None, None, 0.2, float("nan")],
            "value_loss": [None, 1.0, None, 2.0, 1.0, 1.0, None, None],
        }
    )
    found = conform(frame, Wanted(), "t")
    kept = found.table.sort("run", "interactions")
    assert kept.select("run", "interactions", "performance").rows() == [
        ("a", 1.0, 0.1),
        ("a", 3.0, 0.3),
        ("c", 1.0, 0.2),
        ("c", 2.0, None),
    ]
    assert kept["status"].to_list() == ["done", "done", "nonfinite", "nonfinite"]
    said = "4 rows have no performance and are left out; 1 runs have none in any row."
    assert said in found.notes


def test_the_loss_of_sb3_is_no_loss_of_a_law(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "progress.csv").write_text(
        "time/total_timesteps,rollout/ep_rew_mean,train/loss\n1,2,-0.5\n2,3,-0.4\n"
    )
    table = read("sb3", folder)
    assert "loss" not in table.columns
    assert table["train/loss (column)"].to_list() == [-0.5, -0.4]


def test_a_seed_that_is_text_is_a_whole_number() -> None:
    frame = pl.DataFrame({"seed": ["0", "1"] * 3, "step": [1, 1, 2, 2, 3, 3]})
    frame = frame.with_columns(score=pl.col("step") / 10)
    table = conform(frame, Wanted(), "t").table
    assert table.schema["seed"] == pl.Int64
    assert table["run"].unique().sort().to_list() == ["0", "1"]
