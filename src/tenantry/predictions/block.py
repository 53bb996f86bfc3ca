"""Requests as they travel in segments: many in one record, column by column, in msgpack.

A worker keeps one tuple a request (:data:`Row`), and everything else happens on the thread that writes segments, in a
few calls that are C inside. The outcomes go as they are, as arrays of label, score and what else there is.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tenantry.errors import Corrupt
from tenantry.predictions.record import LoggedRequest

FORMAT = 1
PLAIN, DEFLATED = b"\x01", b"\x02"

Row = tuple[float, float, str, str, str, str, str, int, str, str, int | None, int, bytes, Sequence[Any]]
"""(arrived, finished, tenant, deployment, version, rule, request id, status, code, format, header length, rows, body,
outcomes); times in monotonic seconds; an outcome is a tuple that begins with label and score."""


class _Block(msgspec.Struct, array_like=True, frozen=True):
    format: int
    epoch: float
    arrived: list[float]
    finished: list[float]
    tenant: list[str]
    deployment: list[str]
    version: list[str]
    rule: list[str]
    request_id: list[str]
    status: list[int]
    code: list[str]
    kind: list[str]
    header_length: list[int | None]
    rows: list[int]
    body: list[bytes]
    outcomes: list[list[list[Any]]]


_COLUMNS = len(_Block.__struct_fields__) - 2
_encoder = msgspec.msgpack.Encoder(enc_hook=float)  # what a runtime of another kind takes for a number
_decoder = msgspec.msgpack.Decoder(_Block)


def encode_block(rows: Sequence[Row], epoch: float, *, deflate: bool = False) -> bytes:
    """A record that holds these requests; ``epoch`` + monotonic time = seconds since the epoch.

    Raises whatever a value raises that cannot be encoded; :func:`encodable` finds the rows to blame.
    """
    columns = zip(*rows, strict=True) if rows else ((),) * _COLUMNS
    data = _encoder.encode((FORMAT, epoch, *columns))
    return DEFLATED + zlib.compress(data, 1) if deflate else PLAIN + data


def encodable(rows: Iterable[Row]) -> list[Row]:
    """The rows that can be encoded."""
    good = []
    for row in rows:
        try:
            _encoder.encode(row)
        except Exception:  # noqa: BLE001, S112 — the caller counts them; whatever is wrong with one, the others are kept
            continue
        good.append(row)
    return good


def decode_block(record: bytes) -> Iterator[LoggedRequest]:
    """The requests of a record. Raises ``Corrupt("log_corrupt")``."""
    mark, data = record[:1], memoryview(record)[1:]
    try:
        block = _decoder.decode(zlib.decompress(data) if mark == DEFLATED else data)
        if block.format != FORMAT or mark not in (PLAIN, DEFLATED):
            raise ValueError("another format")
        columns = [getattr(block, name) for name in block.__struct_fields__[2:]]
        for arrived, finished, *told, body, outcomes in zip(*columns, strict=True):
            labels = [outcome[0] for outcome in outcomes]
            scores = [float(outcome[1]) for outcome in outcomes]
            time, seconds = arrived + block.epoch, finished - arrived
            yield LoggedRequest._make((time, *told, seconds, body, labels, scores))
    except (msgspec.DecodeError, zlib.error, ValueError, TypeError, IndexError) as error:
        raise Corrupt("log_corrupt", f"a record of the inference log cannot be read: {error}") from error
