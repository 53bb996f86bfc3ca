"""How a delimited text is written, and what its columns are called, from its first records."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tenantry.errors import InvalidData
from tenantry.ingest.ports import Dialect, Limits

_HEAD = 1 << 18
_RECORDS = 300
_COMMON = (",", ";", "\t", "|")
_RARE = (":", "^", "~", "#", "!", "\x01", "\x1e", "\x1f", *"@$%&*+<=>?`()[]{}\\")
# Signs that stand inside values, too: they must cut every row into the same three fields or more; two will do for
# a space, where one of them is a column of numbers or dates.
_WEAK = (" ", "_", "/", "-")
_NUMBER = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?")
_YEAR = re.compile(r"(?:19|20)\d\d")


def sniff(
    path: Path, name: str, limits: Limits, delimiter: str | None = None
) -> tuple[Dialect, tuple[str, ...]]:
    """The dialect of a clean text, and its column names; ``delimiter`` is the one that somebody named.

    Raises ``InvalidData``: ``column_blank``, ``column_duplicate``, ``column_name_long``,
    ``too_many_columns``.
    """
    text = _head(path, limits)
    dialect = _dialect(text, delimiter)
    rows = _records(text, dialect, _RECORDS)
    if not _has_header(rows):
        width = len(rows[0])
        if width > limits.columns:
            raise _too_many(name, width, limits)
        return _with_header(dialect, header=False), tuple(f"column_{place}" for place in range(1, width + 1))
    names = [cell.strip() for cell in rows[0]]
    while len(names) > 1 and not names[-1]:  # delimiters too many at the end of the line
        names.pop()
    return dialect, check_names(names, name, limits)


def check_names(names: Sequence[str], name: str, limits: Limits) -> tuple[str, ...]:
    """The names, where a table can have them. Raises as :func:`sniff`."""
    if len(names) > limits.columns:
        raise _too_many(name, len(names), limits)
    for place, column in enumerate(names, 1):
        if not column.strip():
            raise InvalidData("column_blank", f"column {place} of {name} has no name in the header")
        if len(column) > limits.name_length:
            raise InvalidData(
                "column_name_long",
                f"the name of column {place} of {name} has {len(column):,} characters ({column[:40]!r}…)",
            )
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        shown = ", ".join(map(repr, twice[:5]))
        raise InvalidData(
            "column_duplicate",
            f"{name} has more than one column named {shown}",
            details={"columns": twice[:50]},
        )
    return tuple(names)


@contextmanager
def wide_fields(size: int) -> Iterator[None]:
    """Let Python's ``csv`` take fields of up to ``size`` characters for a while (its limit is the process's
    own).
    """
    before = csv.field_size_limit(size)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def reader_options(dialect: Dialect) -> dict[str, object]:
    """The dialect in the words of Python's ``csv``."""
    doubled = dialect.escape == dialect.quote
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quote,
        "doublequote": doubled,
        "escapechar": None if doubled else dialect.escape,
    }


def _too_many(name: str, count: int, limits: Limits) -> InvalidData:
    return InvalidData(
        "too_many_columns",
        f"{name} has {count:,} columns; at most {limits.columns:,} are taken",
        details={"columns": count, "limit": limits.columns},
    )


def _with_header(dialect: Dialect, *, header: bool) -> Dialect:
    return Dialect(delimiter=dialect.delimiter, quote=dialect.quote, escape=dialect.escape, header=header)


def _head(path: Path, limits: Limits) -> str:
    """Whole lines from the beginning: about 256 KiB, or one line where that is longer."""
    with path.open("rb") as stream:
        data = stream.read(_HEAD)
        if len(data) == _HEAD:
            if b"\n" not in data and b"\r" not in data:
                data += stream.readline(limits.line_bytes)
            cut = max(data.rfind(b"\n"), data.rfind(b"\r"))
            data = data[: cut + 1] if cut > 0 else data
    return data.decode("utf-8", errors="replace")


def _records(text: str, dialect: Dialect, most: int) -> list[list[str]]:
    """The first records that are not blank; the last one is left out where it may be cut."""
    records: list[list[str]] = []
    with wide_fields(len(text) + 1):
        reader = csv.reader(io.StringIO(text, newline=""), **reader_options(dialect))  # type: ignore[arg-type]
        for record in reader:
            if record:
                records.append(record)
            if len(records) >= most:
                break
    return records or [[""]]


def _dialect(text: str, named: str | None) -> Dialect:
    """The way of writing under which most records have as many fields as the header, and the header two or
    more.
    """
    styles = [('"', '"')]
    if '\\"' in text:
        styles.append(('"', "\\"))
    for delimiters in ((named,),) if named else (_COMMON, _RARE, _WEAK):
        best: tuple[float, int, Dialect] | None = None
        for quote, escape in styles:
            for delimiter in delimiters:
                if delimiter not in text or delimiter == escape:
                    continue
                dialect = Dialect(delimiter=delimiter, quote=quote, escape=escape)
                records = _records(text, dialect, _RECORDS)
                share, width = _fit(records)
                if not named and not _trusted(delimiter, records, share):
                    continue
                if width > 1 and (best is None or (round(share, 2), width) > (round(best[0], 2), best[1])):
                    best = (share, width, dialect)
        if best is not None:
            return _single_quotes(text, best[2])
    return _single_quotes(text, Dialect(delimiter=named or ","))


def _trusted(delimiter: str, records: list[list[str]], share: float) -> bool:
    """Whether a sign that few use as a delimiter is one here: it cuts every row alike, and is no part of the
    values.
    """
    if delimiter in _COMMON:
        return True
    if share < 1.0 or delimiter not in _WEAK:
        return share == 1.0
    rows = records[1:]
    if not rows or all(_value_like(delimiter.join(row)) for row in rows):
        return False
    if len(rows[0]) > 2:
        return True
    return delimiter == " " and any(all(map(_value_like, column)) for column in zip(*rows, strict=True))


def _fit(records: list[list[str]]) -> tuple[float, int]:
    width = len(records[0])
    return sum(len(record) == width for record in records) / len(records), width


def _single_quotes(text: str, dialect: Dialect) -> Dialect:
    """The dialect with single quotes, where the header's fields all stand in them."""
    header = [cell for cell in _records(text, dialect, 1)[0] if cell.strip()]
    if header and all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in header):
        return Dialect(delimiter=dialect.delimiter, quote="'", escape="'")
    return dialect


def _value_like(cell: str) -> bool:
    cell = cell.strip()
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _has_header(rows: list[list[str]]) -> bool:
    """A first row is data where it holds numbers or dates just where the rest does, and nowhere a word above
    them.

    Years over columns of numbers are names.
    """
    first, rest = rows[0], rows[1:]
    like_data = 0
    for place, cell in enumerate(first):
        below = [row[place] for row in rest if place < len(row) and row[place].strip()]
        if not below:
            continue
        values = sum(map(_value_like, below)) / len(below) > 0.8
        if values and not _value_like(cell) and cell.strip():
            return True
        if values and _value_like(cell) and not _YEAR.fullmatch(cell.strip()):
            like_data += 1
    return like_data == 0
