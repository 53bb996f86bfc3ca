"""What columns take out of a value beside the whole word: the reference that the C kernel (``native/parts.c``)
follows.

Receives words (:func:`tenantry.plan.parse.category_word`). Hands on the part of a word that a category looks up.
Letters are lower-cased in ASCII alone, which is what domain names compare by (RFC 4343).
"""

import re

from tenantry.plan.ir import WordPart
from tenantry.plan.parse import SPACE

MAX_DOMAIN_BYTES = 255
"""The longest domain name (RFC 1035); anything longer is none."""

_DOMAIN = re.compile(rb"[^ \t\n\r\f\v>]*")
_AUTHORITY = re.compile(rb"(?:[A-Za-z0-9+.-]+://|//)?([^/?#\\ \t\n\r\f\v]*)")


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
