"""To MLflow: the folder `mlruns` of its file store, written without MLflow.

One experiment, named after the study; per run `metrics/NAME` with lines of time, value
and step, and a file per parameter and tag. `from_mlflow` reads it back.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from allometry.curves.tracked import Run
from allometry.refusal import Refusal

EXPERIMENT = "1"
#: Text about the record rather than the run: tags in MLflow, with our name before.
TAGS = ("study", "bundle", "fingerprint", "parameters_by_part")
#: MLflow's numbers of our statuses; it has none for a run that diverged.
_STATUS = {"running": 1, "queued": 2, "failed": 4, "preempted": 5}
_FINISHED = 3
_NAME = re.compile(r"[\w\- :]+(\.?[\w\- :]+)*")


def write(folder: Path, runs: Iterable[Run], place: Path) -> int:
    """Write all runs below `folder`, which will stand at `place`; say how many.

    Raises `Refusal` for a column whose name MLflow cannot take.
    """
    experiment, count = folder / EXPERIMENT, 0
    experiment.mkdir(parents=True)
    where = place.resolve() / EXPERIMENT
    for count, run in enumerate(runs, 1):
        if count == 1:
            _yaml(experiment / "meta.yaml", _experiment(run.study, where))
        _write_run(experiment, run, where)
    return count


def _write_run(experiment: Path, run: Run, where: Path) -> None:
    name = hashlib.md5(run.name.encode(), usedforsecurity=False).hexdigest()
    own = experiment / name
    for part in ("metrics", "params", "tags", "artifacts"):
        (own / part).mkdir(parents=True)
    _yaml(own / "meta.yaml", _about(run, name, where))
    lines: dict[str, list[str]] = {}
    for row in run.rows:
        for metric, value in row.metrics.items():
            line = f"{round(row.time * 1000)} {value!r} {row.step}\n"
            lines.setdefault(metric, []).append(line)
    for metric, each in lines.items():
        _put(own / "metrics", metric, "".join(each))
    tags = {f"allometry.{tag}": run.about[tag] for tag in TAGS if tag in run.about}
    for tag, text in ({"mlflow.runName": run.name} | tags).items():
        _put(own / "tags", tag, str(text))
    for parameter, text in run.about.items():
        if parameter not in TAGS:
            _put(own / "params", _plain(parameter), str(text))


def _plain(name: str) -> str:
    """Give a parameter a name that MLflow takes."""
    return name if _NAME.fullmatch(name) else re.sub(r"[^\w\- :]+", "_", name)


def _put(folder: Path, name: str, text: str) -> None:
    """Write a file whose name is a column's; a `/` in it makes folders."""
    if not all(_NAME.fullmatch(part) for part in name.split("/")):
        raise Refusal(
            f"The column {name!r} cannot be a name in MLflow, which takes letters, "
            "digits, '_', '-', '.', ':', '/' and blanks. Rename it, or choose columns "
            "with --columns."
        )
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _experiment(study: str, where: Path) -> dict[str, str | int]:
    return {
        "artifact_location": where.as_uri(),
        "creation_time": 0,
        "experiment_id": EXPERIMENT,
        "last_update_time": 0,
        "lifecycle_stage": "active",
        "name": study or "allometry",
    }


def _about(run: Run, name: str, where: Path) -> dict[str, str | int]:
    ended = run.rows[-1].time if run.rows else run.began
    return {
        "artifact_uri": f"{where.as_uri()}/{name}/artifacts",
        "end_time": round(ended * 1000),
        "entry_point_name": "",
        "experiment_id": EXPERIMENT,
        "lifecycle_stage": "active",
        "run_id": name,
        "run_name": run.name,
        "run_uuid": name,
        "source_name": "allometry",
        "source_type": 4,
        "source_version": "",
        "start_time": round(run.began * 1000),
        "status": _STATUS.get(str(run.about.get("status")), _FINISHED),
        "user_id": "",
    }


def _yaml(path: Path, values: Mapping[str, str | int]) -> None:
    """Write a flat YAML file; JSON's scalars are YAML's."""
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in values.items()]
    path.write_text("".join(lines), encoding="utf-8")
