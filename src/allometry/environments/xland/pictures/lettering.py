"""Lettering: text in pictures, in a typeface that has arrows and mathematical signs."""

import functools
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont


@functools.cache
def font(size: int, *, bold: bool = False) -> Font:
    """Give DejaVu Sans, which comes with Matplotlib, at a size in pixels."""
    from matplotlib import get_data_path

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / name, size)


def broken(text: str, letters: Font, width: int) -> list[str]:
    """Break a text between words into lines no wider than so many pixels."""
    lines: list[str] = []
    for word in text.split():
        if lines and letters.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
