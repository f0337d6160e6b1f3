"""Curves: learning curves as tidy tables, a store that no crash can tear, importers.

Belongs here: the columns and their units, where they live on disk, and one reader per
foreign format. Knows no agent, no environment and no law.
"""

from allometry.curves.export import to_csv
from allometry.curves.readers import (
    read_cleanrl,
    read_csv,
    read_dreamerv3,
    read_mlflow,
    read_rllib,
    read_sb3,
    read_tensorboard,
    read_wandb,
    read_wide,
)

__all__ = [
    "read_cleanrl",
    "read_csv",
    "read_dreamerv3",
    "read_mlflow",
    "read_rllib",
    "read_sb3",
    "read_tensorboard",
    "read_wandb",
    "read_wide",
    "to_csv",
]
