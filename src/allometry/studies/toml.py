"""TOML: a value typed on a command line, and the line on which a key stands."""

import re
import tomllib
from typing import Any

_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_.-]+)["']?\s*=""")


def parse_value(text: str) -> Any:
    """Read `text` as a TOML value; what is none (a bare word) is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def line_of(text: str, key: str) -> int | None:
    """Find the line (from 1) that sets the dotted `key`, or the nearest table above.

    For messages only: it reads plain tables and keys, not all of TOML.
    """
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            table = match[1].strip() + "."
            found.setdefault(table[:-1], number)
        elif match := _KEY.match(line):
            found.setdefault(table + match[1], number)
    while key:
        if key in found:
            return found[key]
        key = key.rpartition(".")[0]
    return None
