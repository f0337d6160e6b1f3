"""Scale: where curves begin and could end, read off them where nobody says.

A return has no scale of its own. What is taken is said, so that it can be corrected.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.intrinsic.runs import completed


def scale_of(
    table: pl.DataFrame, given: Mapping[str, Any]
) -> tuple[dict[str, float], str]:
    """Give chance and maximum where `given` settings lack them, and say so.

    Chance is the lowest mean, over the runs of a size, at their first checkpoint;
    maximum is 1 for scores from 0 to 1, else the highest mean over a size's runs at one
    checkpoint. Both are rounded, outwards to two digits for the maximum. Nothing is
    given for a table of which nothing can be read: its fit says what it lacks.
    """
    missing = [name for name in ("chance", "maximum") if name not in given]
    needed = {"run", "parameters", "interactions", "performance"}
    table = completed(table)
    if not missing or not needed <= set(table.columns):
        return {}, ""
    numeric = all(table[name].dtype.is_numeric() for name in needed - {"run"})
    if not numeric:
        return {}, ""
    rows = table.select(pl.col(*needed)).filter(
        pl.col("performance").cast(pl.Float64).is_finite()
    )
    if rows.is_empty():
        return {}, ""
    first = rows.sort("interactions").group_by("run").first()
    chance = first.group_by("parameters").agg(pl.col("performance").mean())
    lowest = float(chance["performance"].min())  # type: ignore[arg-type]
    means = rows.group_by("parameters", "interactions").agg(
        pl.col("performance").mean()
    )
    highest = float(means["performance"].max())  # type: ignore[arg-type]
    rate = bool(((rows["performance"] >= 0) & (rows["performance"] <= 1)).all())
    taken = {
        "chance": float(f"{lowest:.1g}"),
        "maximum": 1.0 if rate else _upwards(highest),
    }
    if not taken["chance"] < taken["maximum"]:
        taken["chance"] = lowest
    found = {name: taken[name] for name in missing}
    why = {
        "chance": "where curves begin",
        "maximum": "of a score from 0 to 1" if rate else "the best mean",
    }
    said = " and ".join(f"{name} {found[name]:g} ({why[name]})" for name in missing)
    options = " ".join(f"--set {name}=NUMBER" for name in missing)
    return found, f"Taken from the curves: {said}; {options} says otherwise."


def _upwards(value: float) -> float:
    """Round up to two digits."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{np.ceil(value / unit) * unit:.12g}")
