"""What kind of file it is, by its first bytes; names and endings are not trusted."""

import re
from typing import Literal

from tenantry.errors import InvalidData

Kind = Literal["csv", "json lines", "parquet"]

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
}
_MARKUP = re.compile(rb"\s*(?:<!doctype\s+html|<html|<\?xml|<!--)", re.IGNORECASE)
_JSON_OBJECT = re.compile(rb'\s*\{\s*(?:"|\})')
_JSON_ARRAY = re.compile(rb"\s*\[\s*(?:\{|\[)")
GZIP = b"\x1f\x8b"


def kind_of(head: bytes, name: str) -> Kind:
    """The kind of a file that begins with ``head`` (already out of gzip).

    Raises ``InvalidData`` with ``file_spreadsheet``, ``file_archive``, ``file_markup``, ``file_binary`` or
    ``json_invalid`` (an array) for files of which the kind is known and is no table.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise InvalidData("file_spreadsheet", f"{name} is an old Excel workbook")
    if head.startswith(b"PK\x03\x04") and any(
        part in head for part in (b"xl/", b"[Content_Types].xml", b"opendocument.spreadsheet")
    ):
        raise InvalidData("file_spreadsheet", f"{name} is a spreadsheet, not a text table")
    for magic, words in _ARCHIVES.items():
        if head.startswith(magic):
            raise InvalidData("file_archive", f"{name} is {words}")
    if head.startswith(GZIP):
        raise InvalidData("file_archive", f"{name} is compressed with gzip twice")
    if head.startswith(b"%PDF-"):
        raise InvalidData("file_binary", f"{name} is a PDF document")
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(text):
        raise InvalidData(
            "file_markup", f"{name} begins with markup ({text[:40].decode('utf-8', 'replace').strip()!r})"
        )
    if _JSON_ARRAY.match(text):
        raise InvalidData("json_invalid", f"{name} is one JSON array, not one object per line")
    return "json lines" if _JSON_OBJECT.match(text) else "csv"
