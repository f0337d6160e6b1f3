"""XLand in two and a half dimensions; see `xland` for the environment."""

from allometry.environments.xland.complexity import PRESETS, Complexity, preset
from allometry.environments.xland.tasks.task import POOL
from allometry.environments.xland.xland import XLand

__all__ = ["POOL", "PRESETS", "Complexity", "XLand", "preset"]
