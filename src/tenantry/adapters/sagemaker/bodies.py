"""Bodies of invocations, to what the core's routes take; and predictions back to CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.serving.replies import encode_json

CSV = "text/csv"
_JSON = frozenset(("application/json", "application/octet-stream", "application/x-www-form-urlencoded", ""))
_LINES = frozenset(("application/jsonlines", "application/x-jsonlines", "application/x-ndjson"))


class Prepared(NamedTuple):
    """A body for one of the core's routes. ``oip``: it is a request of the Open Inference Protocol, not records."""

    body: bytes
    oip: bool = False


class _Tensor(msgspec.Struct):
    datatype: str


class _Oip(msgspec.Struct):
    inputs: list[_Tensor]


_READ_OIP = msgspec.json.Decoder(_Oip)


def media_type(header: bytes) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, in lower case.

    >>> media_type(b"text/csv; header=Present")
    ('text/csv', {'header': 'present'})
    """
    kind, *rest = header.decode("latin-1").lower().split(";")
    named = (parameter.partition("=") for parameter in rest)
    return kind.strip(), {name.strip(): value.strip().strip('"') for name, _, value in named}


def prepare(content_type: bytes, body: bytes, columns: Sequence[str], *, binary: bool) -> Prepared:
    """A body for the core. ``columns``: the model's, for CSV without a header line. ``binary``: it is announced as
    JSON with binary tensors behind it.

    Raises ``InvalidRequest``: ``header_value`` for a type that is not taken, ``record_shape`` for CSV that is wrong.
    """
    kind, parameters = media_type(content_type)
    if binary:
        return Prepared(body, oip=True)
    if kind == CSV:
        return Prepared(encode_json(_records(body, columns, parameters.get("header"))))
    if kind in _LINES:
        return Prepared(b"[%s]" % b",".join(line for line in body.splitlines() if line.strip()))
    if kind in _JSON:
        return Prepared(body, oip=_is_oip(body))
    raise InvalidRequest(
        "header_value",
        f"the Content-Type {kind[:80]!r} is not taken; text/csv, application/json and application/jsonlines are",
    )


def _is_oip(body: bytes) -> bool:
    """Whether a JSON body has a list ``inputs`` of tensors; a record may well have a column of that name."""
    if b'"inputs"' not in body or not body.lstrip().startswith(b"{"):
        return False
    try:
        return bool(_READ_OIP.decode(body).inputs)
    except msgspec.DecodeError:
        return False


def _records(body: bytes, columns: Sequence[str], header: str | None) -> list[dict[str, Any]]:
    """Rows by column name; an empty cell is a missing value.

    The first line names the columns where the Content-Type says ``header=present``, or, where it says nothing, where
    each of its cells is the name of a column.
    """
    try:
        text = body.decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest("record_shape", f"the body is no CSV in UTF-8: {error}") from error
    known = set(columns)
    if rows and (header == "present" or (header is None and known.issuperset(rows[0]))):
        columns = rows.pop(0)
        if len(set(columns)) != len(columns):
            raise InvalidRequest("record_shape", "the CSV's header names a column twice")
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise InvalidRequest(
                "record_shape", f"row {number} of the CSV has {len(row)} cells, not {len(columns)}"
            )
    return [dict(zip(columns, (cell or None for cell in row), strict=True)) for row in rows]


def as_csv(body: bytes) -> bytes:
    """Predictions in JSON as CSV without a header: label and score, or the score alone for a regression."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for one in msgspec.json.decode(body)["predictions"]:
        score = repr(one["score"])
        writer.writerow([one["label"], score] if "label" in one else [score])
    return out.getvalue().encode()
