"""The pointer ``<folder>/current``: which files make up the published table, and which lead to it.

One line a file, ``<name> <SHA-256> <bytes>``: deltas that led to a whole table, the whole table, the deltas on top of
it, in order of their numbers; and a last line ``end <SHA-256 of the lines before>``, since a list that lost its end
would still be a list, of an older table.
"""

import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tenantry.errors import Corrupt
from tenantry.routing.files import replace

POINTER = "current"
TABLE_SUFFIX = ".table"
DELTA_SUFFIX = ".delta"

_LINE = re.compile(
    r"(?P<number>\d{1,15})(?P<suffix>\.table|\.delta) (?P<sha256>[0-9a-f]{64}) (?P<size>\d{1,15})"
)
_END = "end "


class Part(NamedTuple):
    """One file of the published table: the table of ``number``, whole or as a delta to the part before."""

    number: int
    suffix: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.number:012d}{self.suffix}"

    @classmethod
    def of(cls, number: int, suffix: str, data: bytes) -> "Part":
        """The part that ``data`` is."""
        return cls(number, suffix, hashlib.sha256(data).hexdigest(), len(data))

    def read(self, folder: Path) -> bytes:
        """The file's bytes. Raises ``Corrupt("table_corrupt")`` where they are not those that were published, and
        ``FileNotFoundError``.
        """
        data = (folder / self.name).read_bytes()
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.sha256:
            raise Corrupt(
                "table_corrupt", f"the bytes of {folder / self.name} do not have the published digest"
            )
        return data


class Pointer(NamedTuple):
    """The published table's files: a whole table and the deltas on top of it; and, for those who hold an older table,
    the deltas before it (``history``), the last of which leads to it.
    """

    base: Part
    deltas: tuple[Part, ...] = ()
    history: tuple[Part, ...] = ()

    @property
    def number(self) -> int:
        """The published table's number."""
        return (self.base, *self.deltas)[-1].number

    def after(self, number: int) -> tuple[Part, ...] | None:
        """The deltas that turn the table of ``number`` into the published one; None where it is not on the way."""
        if number == self.base.number:
            return self.deltas
        ways = (*self.history, *self.deltas)
        numbers = [part.number for part in ways]
        return ways[numbers.index(number) + 1 :] if number in numbers else None

    def write(self, folder: Path) -> None:
        """Make this the published table, at one stroke."""
        parts = (*self.history, self.base, *self.deltas)
        lines = "".join(f"{part.name} {part.sha256} {part.size}\n" for part in parts)
        replace(folder / POINTER, f"{lines}{_END}{_digest(lines)}\n".encode())


def read_pointer(folder: Path) -> Pointer | None:
    """The pointer, or None where nothing was published. Raises ``Corrupt("table_corrupt")``."""
    try:
        text = (folder / POINTER).read_text("ascii", errors="replace")
    except FileNotFoundError:
        return None
    body, _, end = text.rpartition(_END)
    parts = [part for part in map(_part, body.splitlines()) if part is not None]
    places = [place for place, part in enumerate(parts) if part.suffix == TABLE_SUFFIX]
    if end != f"{_digest(body)}\n" or len(parts) < body.count("\n") or len(places) != 1:
        raise _no_pointer(folder)
    history, base, deltas = parts[: places[0]], parts[places[0]], parts[places[0] + 1 :]
    leads_here = not history or history[-1].number == base.number
    rising = all(one.number < two.number for row in (history, [base, *deltas]) for one, two in pairwise(row))
    if not leads_here or not rising:
        raise _no_pointer(folder)
    return Pointer(base, tuple(deltas), tuple(history))


def _no_pointer(folder: Path) -> Corrupt:
    return Corrupt("table_corrupt", f"{folder / POINTER} is not a pointer to an endpoint table")


def _part(line: str) -> Part | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return Part(int(found["number"]), found["suffix"], found["sha256"], int(found["size"]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
