"""Which row of a delimited text is wrong, and how; a slow second look, taken only after a reader has refused
it.
"""

import csv
from pathlib import Path

from tenantry.errors import InvalidData
from tenantry.ingest.dialect import reader_options, wide_fields
from tenantry.ingest.named import NAME_DELIMITER
from tenantry.ingest.ports import Dialect, Limits


def locate(path: Path, name: str, dialect: Dialect, width: int, limits: Limits) -> InvalidData | None:
    """The error for the first row that does not fit, with the line it begins in; None where every row seems
    to fit.
    """
    begin = 1
    with wide_fields(limits.line_bytes), path.open("r", encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True, **reader_options(dialect))  # type: ignore[arg-type]
        try:
            for record in reader:
                count = len(record)
                # One empty field more at the end is a delimiter too many, which readers forgive.
                if record and count != width and not (count == width + 1 and not record[-1]):
                    return _ragged(name, begin, count, width, dialect)
                begin = reader.line_num + 1
        except csv.Error as error:
            if "unexpected end of data" in str(error) or "field larger" in str(error):
                return InvalidData(
                    "quote_unclosed",
                    f"the row that begins in line {begin} of {name} opens a quote ({dialect.quote}) "
                    "that nothing closes",
                    details={"line": begin},
                )
            return InvalidData(
                "row_invalid",
                f"the row in line {begin} of {name} cannot be read: {error}",
                details={"line": begin},
            )
    return None


def _ragged(name: str, line: int, count: int, width: int, dialect: Dialect) -> InvalidData:
    signs = {"\t": "tab", " ": "space"}
    if width == 1:
        return InvalidData(
            "row_ragged",
            f"line {line} of {name} has {count} fields where the header has 1, for no delimiter was found in it",
            hint=NAME_DELIMITER,
            details={"line": line, "fields": count, "expected": width},
        )
    return InvalidData(
        "row_ragged",
        f"line {line} of {name} has {count} field{'s' if count != 1 else ''} where the header has {width} "
        f"(delimiter {signs.get(dialect.delimiter, dialect.delimiter)!r})",
        details={"line": line, "fields": count, "expected": width},
    )
