"""What the readers of a definition's fields share: the fault, and plain values."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

MAX_NUMBER = 1e300
"""Larger ones overflow as soon as two are added."""


class Fault(Exception):
    """What is wrong with one field."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` with the nearest of the known words, or nothing."""
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[found[0]]!r}?)" if found else ""


def text(value: object) -> str:
    """A text that is not empty; numbers and truth values as they are written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise Fault("takes a text that is not empty")
    return value


def optional_text(value: object) -> str | None:
    """A text, or nothing."""
    return None if value is None else text(value)


def texts(value: object) -> tuple[str, ...]:
    """A list of names."""
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Fault("takes a list of column names")
    return tuple(text(item) for item in value)


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault(f"{value!r} is not a number")
    if not abs(value) <= MAX_NUMBER:
        raise Fault(f"takes numbers up to {MAX_NUMBER:g}")
    return float(value)


def choice(value: object, choices: Sequence[str]) -> str:
    """One of a few words, in any case."""
    word = str(value).strip().lower()
    if word not in choices:
        raise Fault(f"{value!r} is none of {', '.join(choices)}{nearest(word, choices)}")
    return word


def mapping(value: object, what: str) -> dict[str, object]:
    """A mapping from names of columns or classes; ``what`` says to what, for the message."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Fault(f"takes a mapping from each name to {what}")
    return {text(name): item for name, item in value.items()}
