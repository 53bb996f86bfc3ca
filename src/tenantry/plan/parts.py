"""What columns take out of a value beside the whole word: the reference that the C kernel (``native/parts.c``)
follows.

Receives words (:func:`tenantry.plan.parse.category_word`) and raw values. Hands on the part of a word that a category
looks up, the items of a list, and places. Letters are lower-cased in ASCII alone, which is what domain names compare by
(RFC 4343).
"""

import math
import re
from typing import Any

from tenantry.plan.ir import NumberFormat, WordPart
from tenantry.plan.parse import SPACE, category_word, parse_number

MAX_DOMAIN_BYTES = 255
"""The longest domain name (RFC 1035); anything longer is none."""

_DOMAIN = re.compile(rb"[^ \t\n\r\f\v>]*")
_AUTHORITY = re.compile(rb"(?:[A-Za-z0-9+.-]+://|//)?([^/?#\\ \t\n\r\f\v]*)")
_WS = r"[ \t\n\r\f\v]"
_STRING = r'"([^"\\\x00-\x1f]*)"'
_ARRAY = re.compile(rf"\[{_WS}*(?:{_STRING}{_WS}*(?:,{_WS}*{_STRING}{_WS}*)*)?\]")
_STRINGS = re.compile(_STRING)
_NUMBER = "([0-9+.eE-]+)"
_POINT = re.compile(rf"(?:{_NUMBER}(?:{_WS}*[,;]{_WS}*|{_WS}+){_NUMBER})")
_WKT = re.compile(rf"[Pp][Oo][Ii][Nn][Tt]{_WS}*\({_WS}*{_NUMBER}{_WS}+{_NUMBER}{_WS}*\)")


def word_part(word: str | None, part: WordPart, prefix_bytes: int = 0) -> str | None:
    """The part of a word that a :class:`~tenantry.plan.ir.CategoryColumn` looks up; ``None`` where there is none."""
    if word is None or part == "word":
        return word
    if part == "prefix":
        return word.encode()[:prefix_bytes].decode(errors="ignore").strip(SPACE) or None
    return _email_domain(word.encode()) if part == "email_domain" else _url_domain(word.encode())


def _email_domain(raw: bytes) -> str | None:
    """What follows the last ``@``, up to white space or ``>``."""
    _, at, rest = raw.rpartition(b"@")
    found = _DOMAIN.match(rest)
    return _domain(found.group()) if at and found else None


def _url_domain(raw: bytes) -> str | None:
    """The host: without scheme, user, port and a leading ``www.``."""
    found = _AUTHORITY.match(raw)
    host = found.group(1).rpartition(b"@")[2] if found else b""
    if host.startswith(b"["):  # an IPv6 address
        host, bracket, _ = host.partition(b"]")
        host += bracket
    else:
        host = host.partition(b":")[0]
    return _domain(host.lower().removeprefix(b"www."))


def _domain(raw: bytes) -> str | None:
    raw = raw.removesuffix(b".")  # a name may end in the root's dot
    return raw.lower().decode() if 0 < len(raw) <= MAX_DOMAIN_BYTES else None


def is_array(text: str) -> bool:
    """Whether a text is a JSON array of strings without escapes."""
    return bool(_ARRAY.fullmatch(text))


def list_items(value: Any, delimiter: str) -> list[str] | None:
    """The items of a value of a :class:`~tenantry.plan.ir.TextColumn` with a delimiter; ``None`` where it is missing.

    Errors: ``InvalidData`` (record_value) for a list in a list."""
    if isinstance(value, list | tuple):
        return [word for word in map(category_word, value) if word]
    text = category_word(value)
    if text is None:
        return None
    parts = _STRINGS.findall(text) if is_array(text) else text.split(delimiter)
    return [item for item in (part.strip(SPACE) for part in parts) if item]


def geo_point(value: Any) -> tuple[float, float]:
    """Latitude and longitude of a value of a :class:`~tenantry.plan.ir.GeoColumn`; NaN where it is no place.

    Errors: ``InvalidData`` (record_value) for a list in a list."""
    words = [category_word(item) for item in value] if isinstance(value, list | tuple) else _point(value)
    if len(words) == 2:
        lat, lon = (_degrees(word) for word in words)
        if abs(lat) <= 90 and abs(lon) <= 180:
            return lat, lon
    return math.nan, math.nan


def _point(value: Any) -> list[str | None]:
    text = category_word(value) or ""
    found = _WKT.fullmatch(text)
    if found:
        return [found.group(2), found.group(1)]
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1].strip(SPACE)
    found = _POINT.fullmatch(text)
    return [found.group(1), found.group(2)] if found else []


def _degrees(word: str | None) -> float:
    return parse_number(word, NumberFormat()) if word and re.fullmatch(_NUMBER, word) else math.nan
