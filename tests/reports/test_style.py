import re

from allometry.reports.style import DARK, LIGHT, Sizes, palette_css, ramp_css, twins

SIZES = Sizes(tuple(range(100, 900, 100)))


def luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_sizes_read_without_colour_vision_in_both_modes():
    pairs = twins(SIZES)
    light = [SIZES.colour(n) for n in SIZES.parameters]
    grey = [luminance(colour) for colour in light]
    assert grey == sorted(grey, reverse=True)
    dark = [luminance(pairs[colour]) for colour in light]
    assert dark == sorted(dark)
    assert min(contrast(colour, LIGHT["paper"]) for colour in light) > 1.9
    assert min(contrast(pairs[colour], DARK["paper"]) for colour in light) > 3


def test_text_has_contrast_in_both_modes():
    for palette in (LIGHT, DARK):
        for name in ("ink", "muted", "accent", "warn"):
            assert contrast(palette[name], palette["paper"]) > 4.5, name


def test_every_colour_has_one_twin():
    pairs = twins(SIZES)
    assert len(set(pairs.values())) == len(pairs)
    assert set(LIGHT) == set(DARK)


def test_one_size_has_a_colour():
    assert re.fullmatch("#[0-9a-f]{6}", Sizes((7,)).colour(7))


def test_dark_css_is_for_dark_screens_only():
    for css in (palette_css(), ramp_css(SIZES)):
        before, after = css.split("@media screen and (prefers-color-scheme:dark)")
        assert DARK["paper"] not in before
        assert after.count("{") == after.count("}")
