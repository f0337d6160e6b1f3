"""Page: put a measured table into its place in a page of the documentation."""

import pathlib
from collections.abc import Sequence


def put(page: pathlib.Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end of name -->`."""
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = page.read_text(encoding="utf-8")
    if first not in text or last not in text:
        raise SystemExit(f"{page} has no {first} … {last}")
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    table = "\n".join(lines)
    page.write_text(f"{before}{first}\n\n{table}\n\n{last}{after}", encoding="utf-8")
