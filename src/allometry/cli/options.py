"""Options that verbs share: `name=value` pairs, read with a sentence for each fault."""

from collections.abc import Sequence

from allometry.refusal import Refusal

COLUMN_HELP = (
    "Which column is what, such as interactions=env_step; repeat it for each. "
    "Columns are guessed otherwise."
)


def pairs(given: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Read `name=value` options; raise `Refusal` for one that is none, or twice."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not (sign and name and value):
            raise Refusal(f"{option} {text!r} is no pair: write {option} {example}.")
        if name in found:
            raise Refusal(f"{option} gives {name!r} twice; keep one.")
        found[name] = value
    return found


def numbers(given: Sequence[str], option: str, example: str) -> dict[str, float]:
    """Read `name=number` options; raise `Refusal` for what is no number."""
    return {
        name: number(value, f"{option} {name}={value}")
        for name, value in pairs(given, option, example).items()
    }


def number(text: str, where: str) -> float:
    """Read a number such as 1e6; raise `Refusal` naming where it stands."""
    try:
        return float(text.replace("_", ""))
    except ValueError as error:
        raise Refusal(f"{where}: {text!r} is no number; write one as 1.2e6.") from error


def checked_seed(seed: int) -> int:
    """Give back a seed; raise `Refusal` for one that no generator takes."""
    if seed < 0:
        raise Refusal(f"--seed is {seed}: give a whole number of at least 0.")
    return seed


def value_of(text: str) -> str | float:
    """Read a number if it is one, else text."""
    try:
        return float(text)
    except ValueError:
        return text
