"""Parsers of settings: from text to a value. Each raises ``ValueError`` with what it wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")
Number = TypeVar("Number", int, float)


def text_or_none(text: str) -> str | None:
    """Any text; None for an empty one."""
    return text or None


def folder(text: str) -> Path:
    """A path, from the current folder, with ``~`` for the home folder."""
    return Path(text).expanduser().absolute()


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """None for an empty text."""
    return lambda text: parse(text) if text else None


def or_off(parse: Callable[[str], T]) -> Callable[[str], T | Literal["off"]]:
    """The word ``off``, too."""

    def parse_or_off(text: str) -> T | Literal["off"]:
        if text.lower() == "off":
            return "off"
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return parse_or_off


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some words, in capitals or not."""

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text.lower()

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""
    return _within(int, low, high, f"a whole number from {low:,} to {high:,}")


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds within bounds."""
    return _within(float, low, high, f"a number of seconds from {low:g} to {high:g}")


def _within(read: Callable[[str], Number], low: Number, high: Number, wanted: str) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        try:
            number = read(text)
        except ValueError:
            raise ValueError(wanted) from None
        if not low <= number <= high:  # false for NaN too
            raise ValueError(wanted)
        return number

    return parse
