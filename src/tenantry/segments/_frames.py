"""A segment's bytes: a mark of eight bytes, then frames of (length, CRC-32, record), little-endian.

The checksum covers the length too, so that neither a run of zeros nor a length out of thin air passes for a frame.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tenantry.errors import Corrupt

MARK = b"TNSEG\x01\r\n"
MAX_RECORD_BYTES = 64 << 20
"""Longest record; a longer length in a file is damage."""

_HEAD = struct.Struct("<II")


def framed(record: bytes) -> tuple[bytes, bytes]:
    """The frame's head and the record, to be written one after the other. Raises ``ValueError``: it is too long."""
    if len(record) > MAX_RECORD_BYTES:
        raise ValueError(f"a record of {len(record):,} bytes is over {MAX_RECORD_BYTES:,}")
    return _HEAD.pack(len(record), _checksum(len(record), record)), record


def read_frames(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The records in order. Raises ``Corrupt("segment_corrupt")`` after the last whole one where more bytes follow."""
    if file.read(len(MARK)) != MARK:
        raise _damaged(name, 0)
    while True:
        place = file.tell()
        head = file.read(_HEAD.size)
        if not head:
            return
        record = _record(file, head)
        if record is None:
            raise _damaged(name, place)
        yield record


def whole_bytes(path: Path) -> int:
    """How many bytes of the file, from its start, are the mark and whole frames; 0 where the mark itself is torn."""
    with path.open("rb") as file:
        if file.read(len(MARK)) != MARK:
            return 0
        whole = file.tell()
        while head := file.read(_HEAD.size):
            if _record(file, head) is None:
                break
            whole = file.tell()
        return whole


def _record(file: BinaryIO, head: bytes) -> bytes | None:
    """The record that a frame's head announces, or None where the frame is not whole."""
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if length > MAX_RECORD_BYTES:
        return None
    record = file.read(length)
    return record if len(record) == length and _checksum(length, record) == checksum else None


def _checksum(length: int, record: bytes) -> int:
    return zlib.crc32(record, zlib.crc32(length.to_bytes(4, "little")))


def _damaged(name: str, place: int) -> Corrupt:
    return Corrupt(
        "segment_corrupt", f"segment {name} is damaged at byte {place:,}; the records before it are whole"
    )
