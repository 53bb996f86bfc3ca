"""From any file of text to clean UTF-8, in one pass of bounded memory."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from tenantry.errors import InvalidData, NotFound
from tenantry.ingest.kinds import GZIP
from tenantry.ingest.ports import Limits

_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HIGH_RUN = re.compile(rb"[\x80-\xff]{4,}")
_HIGH = re.compile(rb"[\x80-\xff]")


class CleanText(msgspec.Struct, frozen=True, kw_only=True):
    """A text file that a reader may trust: where it lies, what it was written in, how many line ends it
    has.
    """

    path: Path
    encoding: str
    lines: int


class _NotThisEncoding(Exception):
    def __init__(self, line: int, byte: int) -> None:
        super().__init__(line, byte)
        self.line = line
        self.byte = byte


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[BinaryIO]:
    """The file's bytes, out of gzip where it is gzip.

    Raises ``NotFound("file_not_found")``, ``InvalidData("file_unreadable")`` for folders, devices and files
    without permission, ``InvalidData("file_truncated")`` while a broken gzip is read.
    """
    try:
        if path.exists() and not path.is_file():
            raise InvalidData(
                "file_unreadable", f"{name} is {'a folder' if path.is_dir() else 'no regular file'}"
            )
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound("file_not_found", f"there is no file {name}") from error
    except OSError as error:
        raise InvalidData("file_unreadable", f"{name} cannot be read: {error.strerror or error}") from error
    with raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked  # type: ignore[misc]  # it reads like one
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidData("file_truncated", f"the gzip data of {name} is broken: {error}") from error


def read_head(path: Path, name: str, size: int = 1 << 16) -> bytes:
    """The first bytes, out of gzip."""
    with open_bytes(path, name) as stream:
        return stream.read(size)


def clean_text(path: Path, name: str, folder: Path, limits: Limits) -> CleanText:
    """Make a file of text clean UTF-8; copies it into ``folder`` only where it is not that already.

    UTF-8 is tried first, then UTF-16/32 (by mark, or by where the NULs are), then Windows-1252. Raises
    ``InvalidData``: ``file_empty``, ``file_binary`` (NUL), ``file_encoding``, ``line_too_long``,
    ``file_too_large``, ``file_truncated``.
    """
    head = read_head(path, name)
    if not head:
        raise InvalidData("file_empty", f"{name} is empty")
    encoding, mark = _guess(head)
    if encoding == "utf-8" and b"\x00" in head:
        raise _nul(name, head[: head.index(b"\x00")].count(b"\n") + 1)
    with path.open("rb") as raw:
        plain = raw.read(2) != GZIP
    try:
        cleaned = _pass(
            path, name, folder, limits, encoding, mark, copy=not (plain and encoding == "utf-8" and not mark)
        )
    except _NotThisEncoding as fault:
        if encoding != "utf-8" or mark:
            raise _encoding_error(name, encoding, fault) from fault
        cleaned = _legacy(path, name, folder, limits, fault)
    if cleaned is None:
        raise InvalidData("file_empty", f"{name} holds nothing but white space")
    return cleaned


def _legacy(path: Path, name: str, folder: Path, limits: Limits, utf8: _NotThisEncoding) -> CleanText | None:
    """Windows-1252, unless the bytes look like a script that it cannot write."""
    with open_bytes(path, name) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            high = len(_HIGH.findall(chunk))
            if high:
                if sum(len(run) for run in _HIGH_RUN.findall(chunk)) > high / 2:
                    raise _encoding_error(name, "utf-8", utf8)
                break
    try:
        return _pass(path, name, folder, limits, "cp1252", b"", copy=True)
    except _NotThisEncoding as fault:
        raise _encoding_error(name, "utf-8", utf8) from fault


def _guess(head: bytes) -> tuple[str, bytes]:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, mark
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and even < len(head) // 50:
        return "utf-16-le", b""
    if even > len(head) // 4 and odd < len(head) // 50:
        return "utf-16-be", b""
    return "utf-8", b""


def _nul(name: str, line: int) -> InvalidData:
    return InvalidData(
        "file_binary", f"{name} holds a NUL byte in line {line}, so it is no text", details={"line": line}
    )


def _encoding_error(name: str, encoding: str, fault: _NotThisEncoding) -> InvalidData:
    return InvalidData(
        "file_encoding",
        f"{name} is not {encoding.upper()}, nor any other encoding that can be told: line {fault.line} "
        f"holds the byte 0x{fault.byte:02x}",
        details={"line": fault.line},
    )


def _pass(
    path: Path, name: str, folder: Path, limits: Limits, encoding: str, mark: bytes, *, copy: bool
) -> CleanText | None:
    """One pass over the file: decode, check, copy; a second one where kinds of line ends are mixed."""
    target = folder / "clean.txt"
    scan = _Scan(name, limits)
    with open_bytes(path, name) as stream, (target if copy else Path("/dev/null")).open("wb") as sink:
        stream.read(len(mark))
        for data in _decoded(stream, encoding, limits):
            scan.feed(data)
            if copy:
                sink.write(data)
    if scan.blank:
        return None
    source = target if copy else path
    if scan.mixed:
        source = _one_line_end(source, folder / "lines.txt")
    return CleanText(path=source, encoding=encoding, lines=scan.lines)


def _decoded(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    size = min(_CHUNK, limits.line_bytes)
    line = 1
    while True:
        chunk = stream.read(size)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place = line + error.object[: error.start].count(b"\n")
            raise _NotThisEncoding(place, error.object[error.start]) from error
        if text:
            data = chunk if encoding == "utf-8" and len(text) == len(chunk) else text.encode()
            line += data.count(b"\n")
            yield data
        if not chunk:
            return


class _Scan:
    """What must be known of a text before it is parsed; holds no more than the last byte of it."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.lines = 0
        self.blank = True
        self._bytes = 0
        self._run = 0
        self._returns = 0
        self._pairs = 0
        self._last = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises for NUL, a line too long, a file too large."""
        self._bytes += len(data)
        if self._bytes > self.limits.file_bytes:
            raise InvalidData(
                "file_too_large", f"{self.name} holds more than {self.limits.file_bytes >> 20} MiB of text"
            )
        if b"\x00" in data:
            raise _nul(self.name, self.lines + data[: data.index(b"\x00")].count(b"\n") + 1)
        if self.blank and data.strip():
            self.blank = False
        self._measure(data)
        if self._last == b"\r" and data.startswith(b"\n"):
            self._pairs += 1
        self._pairs += data.count(b"\r\n")
        self._returns += data.count(b"\r")
        self.lines += data.count(b"\n")
        self._last = data[-1:]

    def _measure(self, data: bytes) -> None:
        """Pieces are no longer than a line may be, so only the first and the last line of one need a look."""
        ends = [place for place in (data.find(b"\n"), data.find(b"\r")) if place >= 0]
        first = min(ends) if ends else len(data)
        if self._run + first > self.limits.line_bytes:
            raise InvalidData(
                "line_too_long",
                f"line {self.lines + 1} of {self.name} is longer than {self.limits.line_bytes:,} bytes",
                details={"line": self.lines + 1, "limit": self.limits.line_bytes},
            )
        self._run = (
            len(data) - 1 - max(data.rfind(b"\n"), data.rfind(b"\r")) if ends else self._run + len(data)
        )

    @property
    def mixed(self) -> bool:
        """Whether the text has more than one kind of line end."""
        alone = self._returns - self._pairs
        return sum(count > 0 for count in (self._pairs, alone, self.lines - self._pairs)) > 1


def _one_line_end(source: Path, target: Path) -> Path:
    r"""A copy in which every line ends in ``\n``."""
    with (
        source.open("r", encoding="utf-8", newline=None) as lines,
        target.open("w", encoding="utf-8", newline="\n") as sink,
    ):
        for chunk in iter(lambda: lines.read(_CHUNK), ""):
            sink.write(chunk)
    return target
