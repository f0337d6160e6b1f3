"""Bootstrap by the package `chinchilla`, in an interpreter of its own.

Reads the points, the draws and the start as JSON from standard input; writes the
constants of each refit and the CPU seconds spent. It is given what helps it: one warm
start, no plot, and a loss scaled so that its optimiser does not stop early.
See `benchmarks/bootstrap.py`, which runs it.
"""

import json
import os
import sys
import tempfile

import numpy as np
import pandas as pd
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber


def main() -> None:
    question = json.load(sys.stdin)
    points = pd.DataFrame({name: question[name] for name in ("N", "D", "loss")})
    points["C"] = 6 * points.N * points.D
    start = question["start"]
    grid = {
        "e": [start["E"]],
        "a": [start["A"]],
        "b": [start["B"]],
        "alpha": [float(np.exp(start["alpha"]))],
        "beta": [float(np.exp(start["beta"]))],
    }
    factor = question["scale"] * len(points)
    law = Chinchilla(
        tempfile.mkdtemp(),
        param_grid=grid,
        loss_fn=lambda y, y_hat: factor * log_huber(y, y_hat, question["delta"]),
        log_level=40,
    )
    law.visualizer.optim = lambda *args, **kwargs: None
    found = []
    began = sum(os.times()[:4])
    for weight in question["weight"]:
        law.database.df = points.loc[points.index.repeat(weight)].reset_index(drop=True)
        law.fit(parallel=False)
        names = ("E", "A", "alpha", "B", "beta")
        found.append({name: float(getattr(law, name)) for name in names})
    spent = sum(os.times()[:4]) - began
    print(json.dumps({"parameters": found, "seconds": spent}))


if __name__ == "__main__":
    main()
