"""The learning curves: performance against interactions, by size."""

import plotly.graph_objects as go
import polars as pl

from allometry.reports import numbers
from allometry.reports.figures.marks import (
    blank,
    inert,
    legend_entry,
    log_axis,
    short,
    thin,
)
from allometry.reports.style import LIGHT, Sizes


def size_means(table: pl.DataFrame) -> pl.DataFrame:
    """Average the curves of each size over its seeds, with the range of the seeds.

    Gives `parameters`, `interactions`, `mean`, `low`, `high` and `seeds` (those whose
    performance was still finite), one row per size and checkpoint.
    """
    value = pl.col("performance")
    return (
        table.filter(value.is_not_null() & (pl.col("interactions") > 0))
        .group_by("parameters", "checkpoint")
        .agg(
            pl.col("interactions").median(),
            value.mean().alias("mean"),
            value.min().alias("low"),
            value.max().alias("high"),
            pl.len().alias("seeds"),
        )
        .sort("parameters", "interactions")
    )


def learning_curves(
    trained: pl.DataFrame,
    held_out: pl.DataFrame,
    sizes: Sizes,
    *,
    measure: str,
    band: tuple[float, float] | None,
) -> go.Figure:
    """Draw performance against interactions, by size, with the range of its seeds.

    `trained` and `held_out` are tables as `size_means` gives them; the second may be
    empty. `band` is the performance band of the fit.
    """
    figure = blank()
    for size in sizes.parameters:
        rows = thin(trained.filter(pl.col("parameters") == size))
        if rows.is_empty():
            continue
        figure.add_trace(_seed_band(rows, sizes, size))
        figure.add_trace(_mean_line(rows, sizes, size, "training"))
    for size in sizes.parameters:
        rows = thin(held_out.filter(pl.col("parameters") == size))
        if not rows.is_empty():
            figure.add_trace(_mean_line(rows, sizes, size, "held out"))
    _kinds_legend(figure, held_out=not held_out.is_empty())
    if band is not None:
        line = {"color": LIGHT["muted"], "width": 1, "dash": "dash"}
        for edge in band:
            figure.add_hline(y=edge, line=line)
        legend_entry(figure, "band of the fit", dash="dash", width=1)
    log_axis(figure, "x", trained["interactions"].to_numpy(), numbers.si)
    figure.update_xaxes(title="Interactions (agent steps)")
    figure.update_yaxes(title=inert(measure[:1].upper() + measure[1:]))
    return figure


def _seed_band(rows: pl.DataFrame, sizes: Sizes, size: int) -> go.Scatter:
    there, back = rows["interactions"].to_list(), rows["interactions"].reverse()
    return go.Scatter(
        x=there + back.to_list(),
        y=short(rows["high"]) + short(rows["low"].reverse()),
        fill="toself",
        fillcolor=sizes.faint(size),
        line={"width": 0, "color": sizes.faint(size)},
        mode="lines",
        hoverinfo="skip",
        legendgroup="training",
        showlegend=False,
    )


def _mean_line(rows: pl.DataFrame, sizes: Sizes, size: int, kind: str) -> go.Scatter:
    dotted = kind != "training"
    return go.Scatter(
        x=rows["interactions"].to_list(),
        y=short(rows["mean"]),
        mode="lines",
        line={
            "color": sizes.colour(size),
            "width": 1.3 if dotted else 2.2,
            "dash": "dot" if dotted else "solid",
        },
        customdata=[
            [_range(low, high), numbers.si(steps)]
            for low, high, steps in rows.select(
                "low", "high", "interactions"
            ).iter_rows()
        ],
        hovertemplate=(
            f"{kind}, %{{customdata[1]}} interactions<br>performance %{{y:.3f}}, "
            "seeds %{customdata[0]}"
            f"<extra>{numbers.si(size)} parameters</extra>"
        ),
        legendgroup=kind,
        showlegend=False,
    )


def _range(low: float, high: float) -> str:
    return f"{low:.3f}–{high:.3f}"


def _kinds_legend(figure: go.Figure, *, held_out: bool) -> None:
    legend_entry(figure, "training, with the range of seeds", group="training")
    if held_out:
        legend_entry(figure, "held out", group="held out", dash="dot")
