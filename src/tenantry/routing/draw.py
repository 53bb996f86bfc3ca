"""Shares of traffic: one stable hash, and integer thresholds on it (B13).

A *bucket* is 64 bits of BLAKE2b over the salt and the sticky key. It is the same in every process, on every machine
and in every release, so a key stays in its share whatever is restarted. A share ``s`` holds the buckets below
``s · 2⁶⁴``, exactly: a share that grows keeps every key it had.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, isfinite

BUCKETS = 1 << 64


def seed(salt: str) -> "hashlib.blake2b":
    """The hash after the salt; copying it spares the salt at every request."""
    return hashlib.blake2b(as_bytes(salt) + b"\0", digest_size=8)


def bucket(salt: str, key: bytes) -> int:
    """The bucket of ``key`` under ``salt``, in [0, 2⁶⁴)."""
    hashed = seed(salt)
    hashed.update(key)
    return int.from_bytes(hashed.digest(), "big")


def as_bytes(text: str) -> bytes:
    """UTF-8; lone surrogates, which no valid text has, are kept apart rather than refused."""
    return text.encode("utf-8", "surrogatepass")


def salt_of(salt: str, rule: str, *, platform: bool) -> str:
    """A rule's salt: its own, else its name. A platform rule's name is marked, since a deployment may have a rule of
    the same name, whose share must not fall on the very same keys. No name holds a colon.
    """
    return salt or (f"platform:{rule}" if platform else rule)


def threshold(share: float) -> int:
    """The first bucket that is not in ``share``. What is no number in [0, 1] counts as the nearer end; NaN as 0."""
    if not share > 0:
        return 0
    return BUCKETS if share >= 1 else ceil(Fraction(share) * BUCKETS)


def usable(weight: float) -> bool:
    """Whether an arm of this weight gets any traffic at all."""
    return isfinite(weight) and weight > 0


def thresholds(weights: Sequence[float]) -> tuple[int, ...]:
    """Where each arm but the last ends, for positive finite ``weights``: exact, whatever their sizes."""
    total = sum(map(Fraction, weights))
    ends, so_far = [], Fraction(0)
    for weight in weights[:-1]:
        so_far += Fraction(weight)
        ends.append(ceil(so_far * BUCKETS / total))
    return tuple(ends)


def sticky_key(
    sticky: str, tenant: str, headers: Mapping[bytes, bytes], parameters: Mapping[str, str], request_id: str
) -> bytes:
    """The bytes that a request sticks by. An absent or empty header or parameter is no key: then, the request's id."""
    kind, _, name = sticky.partition(":")
    if kind == "tenant":
        return as_bytes(tenant)
    found = b""
    if kind == "header":
        found = headers.get(as_bytes(name.lower()), b"")
    elif kind == "parameter":
        found = as_bytes(parameters.get(name, ""))
    return found or as_bytes(request_id)


class Draw:
    """One rule's draw at the time of a request: which of its ways a request takes, counted from 0."""

    __slots__ = ("_header", "_parameter", "_seed", "_thresholds")

    def __init__(self, salt: str, sticky: str, ends: tuple[int, ...]) -> None:
        """``sticky`` is anything but ``tenant``, which is decided before any request comes."""
        kind, _, name = sticky.partition(":")
        self._header = as_bytes(name.lower()) if kind == "header" else None
        self._parameter = name if kind == "parameter" else None
        self._seed = seed(salt)
        self._thresholds = ends

    def way(self, headers: Mapping[bytes, bytes], parameters: Mapping[str, str], request_id: str) -> int:
        """The way of a request with these headers (names in lower case), parameters and id."""
        key = b""
        if self._header is not None:
            key = headers.get(self._header, b"")
        elif self._parameter is not None:
            key = parameters.get(self._parameter, "").encode("utf-8", "surrogatepass")
        hashed = self._seed.copy()
        hashed.update(key or request_id.encode("utf-8", "surrogatepass"))
        return bisect_right(self._thresholds, int.from_bytes(hashed.digest(), "big"))
