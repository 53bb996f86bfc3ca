"""From any file of text to clean UTF-8, in one pass of bounded memory."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from tenantry.errors import InvalidData, NotFound
from tenantry.ingest.guess import ranked, sample
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
_TRIES = 3


class CleanText(msgspec.Struct, frozen=True, kw_only=True):
    """A text file that a reader may trust: where it lies, what it was written in, how many line ends it
    has. ``example`` is a word of it where the encoding was guessed.
    """

    path: Path
    encoding: str
    lines: int
    example: str = ""


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


def clean_text(path: Path, name: str, folder: Path, limits: Limits, encoding: str | None = None) -> CleanText:
    """Make a file of text clean UTF-8; copies it into ``folder`` only where it is not that already.

    Without a named ``encoding``, UTF-8 is tried first, then UTF-16/32 (by mark, or by where the NULs are), then
    the older encodings by how probable the text would be. Raises ``InvalidData``: ``file_empty``,
    ``file_binary`` (NUL), ``file_encoding``, ``line_too_long``, ``file_too_large``, ``file_truncated``.
    """
    head = read_head(path, name)
    if not head:
        raise InvalidData("file_empty", f"{name} is empty")
    known, mark = (encoding, b"") if encoding else _by_nuls(head)
    if known == "utf-8" and b"\x00" in head:
        raise _nul(name, head[: head.index(b"\x00")].count(b"\n") + 1)
    with path.open("rb") as raw:
        as_it_is = raw.read(2) != GZIP and known == "utf-8" and not head.startswith(codecs.BOM_UTF8)
    try:
        cleaned = _pass(path, name, folder, limits, known, mark, copy=not as_it_is)
    except _NotThisEncoding as fault:
        if encoding:
            raise _not_as_named(name, encoding, fault) from fault
        if known != "utf-8" or mark:
            raise _encoding_error(name, known, fault) from fault
        cleaned = _legacy(path, name, folder, limits, fault)
    if cleaned is None:
        raise InvalidData("file_empty", f"{name} holds nothing but white space")
    return cleaned


def _legacy(path: Path, name: str, folder: Path, limits: Limits, utf8: _NotThisEncoding) -> CleanText | None:
    """In the most probable encoding that can decode the whole file."""
    with open_bytes(path, name) as stream:
        found = sample(stream)
    if found.utf8 > len(found.words) / 2:
        raise InvalidData(
            "file_encoding",
            f"{name} is UTF-8, but for line {utf8.line}, which holds the byte 0x{utf8.byte:02x}",
            hint="Correct that line; or, if the whole file is in another encoding, name it (encoding).",
            details={"line": utf8.line},
        ) from utf8
    for encoding in ranked(found.words)[:_TRIES]:
        try:
            cleaned = _pass(path, name, folder, limits, encoding, b"", copy=True)
        except _NotThisEncoding:
            continue
        longest = max(found.words, key=lambda word: (min(len(word), 24), word))
        return cleaned and msgspec.structs.replace(cleaned, example=longest.decode(encoding)[:24])
    raise _encoding_error(name, "utf-8", utf8) from utf8


def _by_nuls(head: bytes) -> tuple[str, bytes]:
    """UTF-16 or UTF-32 where the head says so, by its mark or by every line end's NUL; else UTF-8."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, mark
    if b"\x00" in head:
        for encoding, size in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
            whole = head[: len(head) // size * size]
            text = codecs.getincrementaldecoder(encoding)("replace").decode(whole)
            ends = sum(text.count(end) for end in '\r\n,;\t|"')
            if ends * size * 400 > len(whole) and not any(sign in text for sign in "\x00\ufffd\u0a00\u0d00"):
                return encoding, b""
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


def _not_as_named(name: str, encoding: str, fault: _NotThisEncoding) -> InvalidData:
    return InvalidData(
        "file_encoding",
        f"{name} is not {encoding}, as was said: line {fault.line} holds the byte 0x{fault.byte:02x}",
        hint="Name another encoding, or none, to have it told by the bytes.",
        details={"line": fault.line, "encoding": encoding},
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
    line, fresh = 1, True
    while True:
        chunk = stream.read(size)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            if not isinstance(error, UnicodeDecodeError):  # UTF-16 that is named, and has no mark
                raise _NotThisEncoding(line, chunk[0] if chunk else 0) from error
            place = line + error.object[: error.start].count(b"\n")
            raise _NotThisEncoding(place, error.object[error.start]) from error
        if fresh and text:
            text, fresh = text.removeprefix("\ufeff"), False
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
