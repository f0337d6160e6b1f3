"""Film: an episode's frames as moving pictures, in a GIF or an MP4.

GIFs are written by Pillow, MP4s by PyAV, the extra `video`.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from allometry.environments.xland.pictures.draft import draft
from allometry.refusal import Refusal

#: Frames, agent steps each, a second: twice as fast as in the simulator's time.
RATE = 15
SUFFIXES = (".gif", ".mp4")
#: Of so many frames a GIF takes its colours.
_SAMPLE, _COLOURS = 5, 255
_PLAIN = Image.Dither.NONE


def write(pictures: Sequence[Image.Image], path: Path) -> None:
    """Write frames of one size; the file is whole, or what stood there before.

    Raises `Refusal` for another suffix than .gif and .mp4, for an MP4 without
    PyAV, and for a file that cannot be written.
    """
    check(path)
    with draft(path) as rough:
        if path.suffix.lower() == ".gif":
            _write_gif(pictures, rough)
        else:
            _write_mp4(pictures, rough)


def check(path: Path) -> None:
    """Raise `Refusal` if no film can be written to a path of this name, here."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise Refusal(
            f"{path}: a film cannot be written as {path.suffix or 'no suffix'!r}. Name "
            "a file that ends in .gif or .mp4."
        )
    if suffix == ".mp4":
        _encoder()


def _write_gif(pictures: Sequence[Image.Image], path: Path) -> None:
    """Write a GIF in which all frames share the colours of some."""
    palette = _palette(pictures[:: max(1, len(pictures) // _SAMPLE)])
    few = (each.quantize(palette=palette, dither=_PLAIN) for each in pictures)
    next(few).save(
        path,
        save_all=True,
        append_images=few,
        duration=round(1000 / RATE),
        loop=0,
    )


def _palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """Choose colours for some pictures: small things count by the root of their area.

    By area alone floors would take all colours, and objects get some of those.
    """
    pixels = np.concatenate([np.asarray(each).reshape(-1, 3) for each in pictures])
    numbers = pixels @ np.array([1 << 16, 1 << 8, 1])
    colours, area = np.unique(numbers, return_counts=True)
    weighed = np.repeat(colours, np.ceil(np.sqrt(area)).astype(int))
    parts = np.stack([weighed >> 16, weighed >> 8, weighed], -1) & 255
    few = Image.fromarray(parts[None].astype(np.uint8))
    return few.quantize(_COLOURS, dither=_PLAIN)


def _write_mp4(pictures: Sequence[Image.Image], path: Path) -> None:
    av = _encoder()
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "20"})
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _encoder() -> Any:
    """Find PyAV; raises `Refusal` without it."""
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise Refusal(
            "An MP4 needs PyAV, which is not installed: pip install "
            "'allometry[video]', or name a file that ends in .gif."
        ) from error
