"""Style: the colours of the page and of every figure, in light and in dark.

Figures are drawn in the light palette. In dark mode the page exchanges each light
colour for its dark twin (`twins`), so a figure stays a plain Plotly figure and one
list decides both. Sizes are ordered, hence one ramp: larger models stand out more
from the background, lightness changes in one direction only (it reads without
colour vision and in grey print), and the order of hues is the same in both modes.
"""

import dataclasses
from collections.abc import Sequence

LIGHT = {
    "paper": "#fcfbf8",
    "card": "#f4f2ec",
    "ink": "#1d2027",
    "muted": "#5f6570",
    "line": "#cfccc3",
    "grid": "#e9e6de",
    "accent": "#1f5fa8",
    "accent_faint": "rgba(31,95,168,0.15)",
    "warn": "#a3480a",
    "shade": "rgba(95,101,112,0.07)",
}
DARK = {
    "paper": "#14161a",
    "card": "#1e2127",
    "ink": "#eceae4",
    "muted": "#a3a8b2",
    "line": "#43474f",
    "grid": "#282c33",
    "accent": "#7db5f5",
    "accent_faint": "rgba(125,181,245,0.20)",
    "warn": "#f0a35e",
    "shade": "rgba(163,168,178,0.08)",
}
_RAMP_LIGHT = ("#eda33b", "#e0703f", "#c03f68", "#7d2f86", "#29236f")
_RAMP_DARK = ("#96631b", "#c9603a", "#ec7393", "#dca0e8", "#e6e4ff")
_FAINT = 0.16
#: Groups of runs have no order: hues apart, in light and in dark.
_GROUPS = (
    ("#2066ac", "#7db0f0"),
    ("#bd520a", "#f3a662"),
    ("#2a7a3e", "#6fc285"),
    ("#a8327d", "#e58ac2"),
    ("#0f7780", "#5fc4cc"),
    ("#6247b5", "#b3a1f2"),
    ("#7a5a1e", "#cfae6c"),
    ("#b3263a", "#f27f8c"),
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The sizes of a study, smallest first, each with its colour."""

    parameters: tuple[int, ...]

    def colour(self, parameters: float | int) -> str:
        """Give the line colour of a size."""
        return _ramp(_RAMP_LIGHT, self._place(parameters))

    def faint(self, parameters: float | int) -> str:
        """Give the fill colour of a size's band."""
        return _faint(self.colour(parameters))

    def _place(self, parameters: float | int) -> float:
        index = self.parameters.index(int(parameters))
        return index / max(1, len(self.parameters) - 1)


def twins(sizes: Sizes) -> dict[str, str]:
    """Map each light colour to its dark twin, the colours of sizes included."""
    pairs = {LIGHT[name]: DARK[name] for name in LIGHT}
    for parameters in sizes.parameters:
        light = sizes.colour(parameters)
        dark = _ramp(_RAMP_DARK, sizes._place(parameters))
        pairs |= {light: dark, _faint(light): _faint(dark)}
    return pairs


def group_colour(number: int) -> str:
    """Give the colour of a group of runs, from 0; they come again after eight."""
    return _GROUPS[number % len(_GROUPS)][0]


def group_twins() -> dict[str, str]:
    """Map each group's light colour to its dark twin."""
    return dict(_GROUPS)


def ramp_css(sizes: Sizes) -> str:
    """Write the size colours as classes `.size-0`, `.size-1`, … in both modes."""
    pairs = twins(sizes)
    colours = [sizes.colour(n) for n in sizes.parameters]
    light = "".join(f".size-{i}{{--size:{c}}}" for i, c in enumerate(colours))
    dark = "".join(f".size-{i}{{--size:{pairs[c]}}}" for i, c in enumerate(colours))
    return f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def palette_css() -> str:
    """Write both palettes as custom properties, dark on dark screens only."""

    def declarations(palette: dict[str, str]) -> str:
        return "".join(f"--{k.replace('_', '-')}:{v};" for k, v in palette.items())

    dark = f":root{{{declarations(DARK)}color-scheme:dark}}"
    return (
        f":root{{{declarations(LIGHT)}color-scheme:light}}"
        f"@media screen and (prefers-color-scheme:dark){{{dark}}}"
    )


def _ramp(stops: Sequence[str], place: float) -> str:
    """Interpolate the hexadecimal `stops` at `place` in [0, 1]."""
    position = place * (len(stops) - 1)
    left = min(int(position), len(stops) - 2)
    share = position - left
    pairs = zip(_channels(stops[left]), _channels(stops[left + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _faint(colour: str) -> str:
    red, green, blue = _channels(colour)
    return f"rgba({red},{green},{blue},{_FAINT})"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
