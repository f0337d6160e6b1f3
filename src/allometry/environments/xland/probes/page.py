"""Page: a probe's file, which knows on which line each of its parts stands.

A page that is `like` another takes from it all that it does not write itself; its rules
are added to the other's.
"""

import contextlib
import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from allometry.refusal import Refusal

#: What a page may hold, each part a text, a whole number, texts, or texts by name.
KEYS: dict[str, tuple[str, ...]] = {
    "name": ("a text",),
    "asks": ("a text",),
    "like": ("a text",),
    "duration": ("a whole number",),
    "trials": ("a whole number",),
    "objects": ("a whole number",),
    "goal": ("a text", "a table of texts"),
    "hidden": ("a list of texts", "a table of lists of texts"),
    "needs": ("a list of texts",),
    "map": ("a text",),
    "legend": ("a table of texts",),
    "rules": ("a table of texts",),
    "solution": ("a table of lists of texts",),
    "mistake": ("a table of lists of texts",),
}
#: How a text of several lines opens; its first row is on the next.
_OPENS = ('"""', "'''")
_NEEDED = ("name", "asks", "duration", "goal", "needs", "map", "legend", "solution")


@dataclasses.dataclass(frozen=True)
class Page:
    """One file: its name, its text, what TOML makes of it, and the page it is like."""

    file: str
    text: str
    table: Mapping[str, Any]
    base: "Page | None" = None

    def value(self, key: str, default: Any = None) -> Any:
        """Give what is written of `key`, here or on the page that this one is like."""
        theirs = self.base.value(key) if self.base else None
        own = self.table.get(key)
        if key == "rules" and own is not None and theirs is not None:
            return {**theirs, **own}
        if own is None:
            own = theirs
        return default if own is None else own

    def owner(self, key: str, entry: str | None = None) -> "Page":
        """Find the page that `key`, or an entry of its table, is written on."""
        own = self.table.get(key)
        if own is not None and (entry is None or entry in own):
            return self
        return self.base.owner(key, entry) if self.base else self

    def line(self, key: str, pattern: str = "", row: int | None = None) -> int:
        """Number, from 1, the line of `key`, or the first after it with a pattern.

        `row`, from 0, is one of a text of several lines that `key` holds.
        """
        lines = self.text.splitlines()
        begins = re.compile(rf"\s*(\[\s*{key}\s*\]|{key}\s*=)")
        start = next((n for n, line in enumerate(lines) if begins.match(line)), 0)
        if row is not None:
            below = lines[start].rstrip().endswith(_OPENS)
            return 1 + start + below + row
        found = (n for n in range(start, len(lines)) if re.search(pattern, lines[n]))
        return 1 + next(found, start)

    @contextlib.contextmanager
    def at(
        self,
        key: str,
        pattern: str = "",
        *,
        entry: str | None = None,
        row: int | None = None,
    ) -> Iterator[None]:
        """Put file and line before the sentence of a refusal that is raised within."""
        try:
            yield
        except Refusal as error:
            page = self.owner(key, entry)
            line = page.line(key, pattern, row)
            raise Refusal(f"{page.file}, line {line}: {error}") from None


def read(file: str, text: str, base: Callable[[str], Page]) -> Page:
    """Read a page; `base` finds the page that it says it is like, by name.

    Raises `Refusal` for what is not TOML, an unknown key, a wrong type, or a part that
    is lacking.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{file} is not valid TOML: {error}. Mend that line.") from None
    page = Page(file, text, table)
    for key, value in table.items():
        with page.at(key):
            _check(key, value)
    if "like" in table:
        with page.at("like"):
            page = dataclasses.replace(page, base=base(table["like"]))
    for key in _NEEDED:
        if page.value(key) is None:
            raise Refusal(
                f"{file}, line 1: it has no {key}. A probe has {', '.join(_NEEDED)}, "
                "or is like another that has."
            )
    return page


def _check(key: str, value: Any) -> None:
    if key not in KEYS:
        raise Refusal(f"there is no key {key!r}. A probe has {', '.join(KEYS)}.")
    if _form(value) not in KEYS[key]:
        raise Refusal(f"{key} is {value!r}: write {' or '.join(KEYS[key])}.")


def _form(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int) and not isinstance(value, bool):
        return "a whole number"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "a list of texts"
    forms = {_form(each) for each in value.values()} if isinstance(value, dict) else []
    if forms == {"a text"}:
        return "a table of texts"
    if forms == {"a list of texts"}:
        return "a table of lists of texts"
    return "something else"
