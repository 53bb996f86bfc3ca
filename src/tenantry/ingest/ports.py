"""What ingestion needs from outside: a reader of delimited text."""

from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one table may measure. ``line_bytes`` bounds memory while a file is looked through; ``file_bytes``
    counts what comes out of gzip.
    """

    columns: int = 2_000
    rows: int = 5_000_000
    line_bytes: int = 16 << 20
    file_bytes: int = 4 << 30
    name_length: int = 500


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a delimited text is written. ``escape`` is the quote itself (doubled quotes) or a backslash."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a file had to guess, for a person to check. Codes: ``encoding_guessed``,
    ``delimiter_missing``.
    """

    code: str
    text: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A table, how its file was written (``encoding`` is empty for Parquet), and what was guessed."""

    table: pa.Table
    encoding: str = ""
    notes: tuple[Note, ...] = ()

    def source(self, name: str) -> str:
        """The file's name for those who look at the data later; it says so where an encoding was guessed."""
        guessed = any(note.code == "encoding_guessed" for note in self.notes)
        return f"{name} (read as {self.encoding}, a guess)" if guessed else name


class TableReader(Protocol):
    """Reads clean text: UTF-8 without a byte-order mark, without NUL, with one kind of line end."""

    def read_csv(self, path: Path, dialect: Dialect, names: tuple[str, ...], limits: Limits) -> pa.Table:
        """The rows as columns of type ``string``, exactly as written; an empty field is null.

        ``names`` are the columns in order (the header's own names are not looked at). Raises
        ``InvalidData("row_invalid")`` for the first row that does not fit, ``InvalidData("table_too_long")``.
        """
        ...
