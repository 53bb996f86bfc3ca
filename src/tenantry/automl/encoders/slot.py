"""What a slot holds, in a word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """``column`` is a position among the feature columns; ``part`` says what of it the slot holds: ``value``, ``days``,
    ``month``, ``weekday``, ``day``, ``hour``, ``yearday``, ``latitude``, ``longitude``, ``difference``, ``code``,
    ``count``, ``target`` (with ``output``), ``chars``, ``words``, ``token`` (with ``output`` as the token's number)."""

    column: int
    part: str
    name: str
    output: int = 0
