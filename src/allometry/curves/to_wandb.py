"""To Weights & Biases: an offline run per run, written by its own library.

Nothing is sent: `wandb sync` does that, when its user says so. The library is an extra.
What it would write down about this machine is turned off.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from allometry.curves.tracked import Run
from allometry.refusal import Refusal


def write(folder: Path, runs: Iterable[Run]) -> int:
    """Write each run below `folder`; say how many.

    Raises `Refusal` where the library is not installed.
    """
    wandb = library()
    settings = wandb.Settings(
        mode="offline",
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
    )
    count = 0
    for count, run in enumerate(runs, 1):  # noqa: B007
        one = wandb.init(
            project=run.study or "allometry",
            name=run.name,
            id=hashlib.md5(run.name.encode(), usedforsecurity=False).hexdigest(),
            dir=str(folder),
            config=dict(run.about),
            settings=settings,
            reinit="finish_previous",
        )
        for row in run.rows:
            one.log({**row.metrics, "_timestamp": row.time}, step=row.step)
        one.finish()
    return count


def library() -> Any:
    """Import the library; raise `Refusal` where it is not installed."""
    try:
        import wandb
    except ImportError as error:
        raise Refusal(
            "Weights & Biases is not installed: pip install 'allometry[wandb]', or "
            "export --to tensorboard, which needs nothing."
        ) from error
    return wandb
