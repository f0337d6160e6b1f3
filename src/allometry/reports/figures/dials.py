"""The figure of several dials: what laws foretell of a level left out."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from allometry.laws.plane import Plane
from allometry.reports import numbers
from allometry.reports.figures.marks import blank, inert, log_axis, short
from allometry.reports.style import LIGHT, group_colour


def foretold(planes: Sequence[Plane]) -> go.Figure:
    """Draw compute foretold against compute seen (FLOPs), a colour for each law."""
    figure = blank()
    known = [plane for plane in planes if plane.told]
    for number, plane in enumerate(known):
        told = plane.told
        apart = " and ".join(name.replace("_", " ") for name in plane.complexities)
        figure.add_scatter(
            x=short([one.seen for one in told]),
            y=short([one.predicted.value for one in told]),
            mode="markers",
            marker={"color": group_colour(number), "size": 8},
            error_y={
                "array": [
                    min(one.predicted.high, 1e300) - one.predicted.value for one in told
                ],
                "arrayminus": [one.predicted.value - one.predicted.low for one in told],
                "color": group_colour(number),
                "thickness": 1,
                "width": 0,
            },
            customdata=[str(one.level) for one in told],
            hovertemplate=(
                "foretold %{y:.3g}, seen %{x:.3g} FLOPs<extra>%{customdata}</extra>"
            ),
            name=inert(f"{apart}: {plane.wrong:.2f} × off"),
        )
    seen = np.array([one.seen for plane in known for one in plane.told])
    if seen.size:
        ends = [float(seen.min()), float(seen.max())]
        figure.add_scatter(
            x=short(ends),
            y=short(ends),
            mode="lines",
            line={"color": LIGHT["muted"], "dash": "dot", "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
        guessed = [one.predicted.value for plane in known for one in plane.told]
        log_axis(figure, "x", seen, numbers.power)
        log_axis(figure, "y", np.array([*guessed, *seen]), numbers.power)
    figure.update_xaxes(title="Compute that a level took (FLOPs)")
    figure.update_yaxes(title="Compute foretold from the others (FLOPs)")
    return figure
