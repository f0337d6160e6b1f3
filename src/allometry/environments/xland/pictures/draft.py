"""Draft: a file beside the one whose place it takes when it is written whole."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from allometry.refusal import Refusal


@contextlib.contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Give a place to write to; `path` is then the new file, or what stood there.

    Raises `Refusal` for a file that cannot be written.
    """
    rough = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield rough
        rough.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise Refusal(f"{path} cannot be written ({why}).") from error
    finally:
        rough.unlink(missing_ok=True)
