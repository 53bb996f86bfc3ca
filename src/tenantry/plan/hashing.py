"""The two hashes of the plan file: XXH64 over the whole, and a keyed hash for its word tables."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tenantry.errors import Unsupported
from tenantry.plan.layout import ENTRY, MAX_PROBE, NO_ROW

_M = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(x: int, bits: int) -> int:
    return ((x << bits) | (x >> (64 - bits))) & _M


def _round(a: int, x: int) -> int:
    return _rotate((a + x * _P2) & _M, 31) * _P1 & _M


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md); about 5 MB/s."""
    n = len(data)
    h = _P5
    at = 0
    if n >= 32:
        v = [(_P1 + _P2) & _M, _P2, 0, -_P1 & _M]
        at = n // 32 * 32
        for i, word in enumerate(np.frombuffer(data, "<u8", at // 8).tolist()):
            v[i & 3] = _round(v[i & 3], word)
        h = (_rotate(v[0], 1) + _rotate(v[1], 7) + _rotate(v[2], 12) + _rotate(v[3], 18)) & _M
        for lane in v:
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _M
    h = (h + n) & _M
    while n - at >= 8:
        h = (_rotate(h ^ _round(0, int.from_bytes(data[at : at + 8], "little")), 27) * _P1 + _P4) & _M
        at += 8
    if n - at >= 4:
        h = (_rotate(h ^ (int.from_bytes(data[at : at + 4], "little") * _P1 & _M), 23) * _P2 + _P3) & _M
        at += 4
    for byte in data[at:]:
        h = _rotate(h ^ (byte * _P5 & _M), 11) * _P1 & _M
    h = (h ^ (h >> 33)) * _P2 & _M
    h = (h ^ (h >> 29)) * _P3 & _M
    return h ^ (h >> 32)


def _mix(a: int, b: int) -> int:
    product = a * b
    return (product & _M) ^ (product >> 64)


def word_hash(word: bytes, key: int) -> int:
    """The keyed 64-bit hash of a word; tables use its low 32 bits."""
    n = len(word)
    h = key ^ (n * 0x9E3779B97F4A7C15 & _M)
    at = 0
    while n - at > 8:
        h = _mix(h ^ int.from_bytes(word[at : at + 8], "little"), 0xE7037ED1A0B428DB)
        at += 8
    return _mix(h ^ int.from_bytes(word[at:], "little"), 0xA0761D6478BD642F ^ key)


def table_key(words: Iterable[bytes], seed: int = 0) -> int:
    """A key for the tables of these words that nobody can choose colliding words for: it depends on all of them."""
    digest = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=8)
    for word in words:
        digest.update(len(word).to_bytes(4, "little") + word)
    return int.from_bytes(digest.digest(), "little")


def build_table(
    words: Sequence[bytes], rows: Sequence[int], key: int, strings: bytearray
) -> tuple[npt.NDArray[np.void], int]:
    """An open-addressing table of words → (entries, longest probe); the words' bytes are added to ``strings``.

    No look-up takes more than ``MAX_PROBE`` further steps: the table grows until that holds, so that nobody's choice of
    words can make scoring slow. Errors: ``Unsupported`` (plan_limit) for words that collide however much it grows.
    """
    hashes = [word_hash(word, key) & 0xFFFFFFFF for word in words]
    offsets = []
    for word in words:
        offsets.append(len(strings))
        strings.extend(word)
    size = len(words) * 3 // 2 + 1
    while True:
        entries = np.zeros(size, ENTRY)
        entries["row"] = NO_ROW
        longest = _fill(entries, words, rows, hashes, offsets)
        if longest <= MAX_PROBE:
            return entries, longest
        if size > 16 * len(words) + 1024:
            raise Unsupported("plan_limit", f"a table of {len(words)} words has too many collisions")
        size = size * 5 // 4 + 1


def _fill(
    entries: npt.NDArray[np.void],
    words: Sequence[bytes],
    rows: Sequence[int],
    hashes: Sequence[int],
    offsets: Sequence[int],
) -> int:
    size, longest = len(entries), 0
    taken = bytearray(size)
    for word, row, value, offset in zip(words, rows, hashes, offsets, strict=True):
        at, probe = value * size >> 32, 0
        while taken[at]:
            at, probe = (at + 1) % size, probe + 1
        taken[at] = 1
        entries[at] = (value, offset, len(word), row)
        longest = max(longest, probe)
    return longest
