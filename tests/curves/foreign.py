"""Small logs in every foreign format, written byte by byte as their tools do."""

import gzip
import json
import sqlite3
import struct
from pathlib import Path

from allometry.curves import crc

STEPS = (0, 100, 200, 300)
SCORES = (0.0, 1.5, 3.0, 4.5)


def varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def field(number: int, data: bytes | int) -> bytes:
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensorboard(path: Path, steps=STEPS, scores=SCORES, name="charts/score") -> Path:
    """Write an event file: a version record, then simple values and tensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    events = [field(3, b"brain.Event:2")]
    for step, score in zip(steps, scores, strict=True):
        simple = field(1, name.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
        content = field(1, 1) + field(4, struct.pack("<f", 2 * score))
        tensor = field(1, b"tensor") + field(8, content)
        summary = field(1, simple) + field(1, tensor)
        events.append(field(2, step) + field(5, summary))
    data = b""
    for event in events:
        head = struct.pack("<Q", len(event))
        data += head + struct.pack("<I", crc.masked(head)) + event + b"\0\0\0\0"
    path.write_bytes(data)
    return path


def wandb_offline(path: Path) -> Path:
    """Write an offline run: its record, then history, one record across two blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    config = field(1, field(1, b"seed") + field(16, b"3"))
    records = [field(17, field(1, b"abc") + field(8, b"ppo-0") + field(4, config))]
    for number, (step, score) in enumerate(zip(STEPS, SCORES, strict=True)):
        values = {"_step": number, "global_step": step, "score": score}
        items = b"".join(
            field(1, field(1, k.encode()) + field(16, json.dumps(v).encode()))
            for k, v in values.items()
        )
        note = field(
            1, field(2, b"note") + field(16, json.dumps("x" * 20_000).encode())
        )
        records.append(field(2, items + note))
    data = b":W&B\xe1\xbe\x00"
    for record in records:
        first = True
        while True:
            room = 32_768 - len(data) % 32_768
            if room < 7:
                data += b"\0" * room
                continue
            piece, record = record[: room - 7], record[room - 7 :]
            kind = (1 if not record else 2) if first else (4 if not record else 3)
            data += struct.pack("<IHB", 0, len(piece), kind) + piece
            first = False
            if not record:
                break
    path.write_bytes(data)
    return path


def wandb_export(path: Path) -> Path:
    rows = ['"Step","ppo-0 - score","ppo-0 - score__MIN","ppo-1 - score"']
    rows += [f"{x},{y},{y},{2 * y}" for x, y in zip(STEPS, SCORES, strict=True)]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def sb3_progress(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["rollout/ep_rew_mean,time/total_timesteps,train/loss"]
    rows += [f"{y},{x}," for x, y in zip(STEPS, SCORES, strict=True)]
    (folder / "progress.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def sb3_monitors(folder: Path) -> Path:
    """Write two monitors whose episodes interleave in time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate((1000.0, 1000.5)):
        head = "#" + json.dumps({"t_start": start, "env_id": "CartPole-v1"})
        rows = [f"{y + number},{10 * (number + 1)},{k}.0" for k, y in enumerate(SCORES)]
        text = "\n".join([head, "r,l,t", *rows])
        (folder / f"{number}.monitor.csv").write_text(text + "\n", encoding="utf-8")
    return folder


def rllib(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for step, score in zip(STEPS, SCORES, strict=True):
        value = "NaN" if step == 0 else str(score)
        lines.append(
            f'{{"num_env_steps_sampled_lifetime": {step}, "done": false, '
            f'"env_runners": {{"episode_return_mean": {value}}}, '
            f'"config": {{"seed": 5, "env": "Ant"}}, "trial_id": "a1"}}'
        )
    (folder / "result.json").write_text("\n".join(lines), encoding="utf-8")
    return folder


def mlflow_folder(root: Path) -> Path:
    run = root / "0" / "f00d"
    for name, text in {
        "meta.yaml": "run_name: a\n",
        "metrics/eval/score": "".join(
            f"1700 {y} {x}\n" for x, y in zip(STEPS, SCORES, strict=True)
        ),
        "params/seed": "7",
        "tags/mlflow.runName": "ppo-a",
    }.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(text, encoding="utf-8")
    return root


def mlflow_database(path: Path) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (run_uuid, name)")
        connection.execute("CREATE TABLE params (run_uuid, key, value)")
        connection.execute(
            "CREATE TABLE metrics (run_uuid, key, value, timestamp, step, is_nan)"
        )
        for run, seed in (("u1", "1"), ("u2", "2")):
            connection.execute("INSERT INTO runs VALUES (?, 'ppo')", (run,))
            connection.execute("INSERT INTO params VALUES (?, 'seed', ?)", (run, seed))
            for time, (x, y) in enumerate(zip(STEPS, SCORES, strict=True)):
                lost = run == "u2" and x == 300
                row = (run, "score", 0.0 if lost else y, time, x, lost)
                connection.execute("INSERT INTO metrics VALUES (?,?,?,?,?,?)", row)
    connection.close()
    return path


def dreamerv3(path: Path) -> Path:
    records = [
        {"task": task, "method": "dreamerv3", "seed": seed, "xs": STEPS, "ys": SCORES}
        for task in ("dmc_walker", "dmc-walker-run")
        for seed in ("0", "1")
    ]
    path.write_bytes(gzip.compress(json.dumps(records).encode(), mtime=0))
    return path


def long_table(path: Path) -> Path:
    rows = ["algo,env_name,seed,env_step,return,n_params"]
    for seed in (0, 1):
        rows += [
            f"ppo,Ant-v4,{seed},{x},{y + seed},1000"
            for x, y in zip(STEPS, SCORES, strict=True)
        ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def wide_table(path: Path) -> Path:
    rows = ["step,small,large"]
    rows += [
        f"{x},{y},{2 * y if x else ''}" for x, y in zip(STEPS, SCORES, strict=True)
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path
