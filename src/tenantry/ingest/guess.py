"""In which encoding a text that is not UTF-8 was written, by how probable the signs are that each would give.

Every candidate decodes the same words; the cost of a reading is the number of bits that a rough model of the
languages needs to write it (a frequent letter few, a sign in the middle of a word many). The cheapest reading
wins. Tables give cells of one or two words, of which the detectors for web pages make the wrong thing too often:
the languages, and the signs inside words, tell more there than pairs of letters.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

from tenantry.ingest import letters
from tenantry.ingest.signs import ideograph_bits, is_upper, misfit_bits, sign_bits

_CHUNK = 1 << 20
_SAMPLE_BYTES = 1 << 14
# No byte below 0x30, and none of 0x3a to 0x3f, is ever the second half of a sign; so words can be cut out of
# the bytes before it is known what they are.
_REST = re.compile(rb"[\x80-\xff][^\x00-\x2f\x3a-\x3f]*")
_START = re.compile(rb"[^\x00-\x2f\x3a-\x3f]*\Z")
_WORD_BYTES = 1 << 12
_FOREIGN = 13.0
"""Bits of a letter that the language does not have."""
_UPPER = 2.0
_HOPELESS = 10.5
"""Bits for every byte beyond ASCII; a reading that costs more is no text."""
_ASCII = 6.0
_SLACK = 30.0
"""A sign or two prove nothing."""
_WORDS_A_CHUNK = 500


class Candidate(NamedTuple):
    """An encoding, the languages that are written in it, and the bits that its rarity costs."""

    encoding: str
    languages: tuple[str, ...]
    rarity: float


CANDIDATES = (
    Candidate("cp1252", letters.WESTERN, 0),
    Candidate("iso8859_15", letters.WESTERN, 3),
    Candidate("cp850", letters.WESTERN, 9),
    Candidate("cp1250", letters.CENTRAL, 3),
    Candidate("iso8859_2", letters.CENTRAL, 6),
    Candidate("cp852", letters.CENTRAL, 10),
    Candidate("cp1251", letters.CYRILLIC, 3),
    Candidate("koi8_r", letters.CYRILLIC[:1], 6),
    Candidate("cp866", letters.CYRILLIC[:1], 8),
    Candidate("iso8859_5", letters.CYRILLIC, 9),
    Candidate("cp1253", letters.GREEK, 4),
    Candidate("cp1254", letters.TURKISH, 4),
    Candidate("cp1255", letters.HEBREW, 5),
    Candidate("cp1256", letters.ARABIC, 5),
    Candidate("iso8859_6", letters.ARABIC, 9),
    Candidate("cp1257", letters.BALTIC, 6),
    Candidate("cp874", letters.THAI, 6),
    Candidate("cp932", (), 3),
    Candidate("euc_jp", (), 7),
    Candidate("gb18030", (), 3),
    Candidate("big5", (), 4),
    Candidate("cp949", (), 4),
)


class Sample(NamedTuple):
    """Different words with bytes beyond ASCII, from all over a file; ``utf8`` is how many are UTF-8."""

    words: tuple[bytes, ...]
    utf8: int


def sample(stream: BinaryIO) -> Sample:
    """Words from the whole file, at most 16 KiB of them: where there are more, every second is dropped, and so on."""
    kept: dict[bytes, None] = {}
    size, stride, met = 0, 1, 0
    for word in _words(stream):
        if word in kept:
            continue
        met += 1
        if met % stride:
            continue
        kept[word] = None
        size += len(word)
        while size > _SAMPLE_BYTES and len(kept) > 1:
            kept = dict.fromkeys(list(kept)[1::2])
            size = sum(map(len, kept))
            stride *= 2
    return Sample(tuple(kept), sum(map(_is_utf8, kept)))


def ranked(words: tuple[bytes, ...]) -> list[str]:
    """The encodings in which the words make sense, the most probable one first."""
    costs = []
    joined = b"".join(words)
    high = sum(byte > 127 for byte in joined)
    most = _SLACK + _HOPELESS * high + _ASCII * (len(joined) - high)
    for candidate in CANDIDATES:
        try:
            texts = [word.decode(candidate.encoding) for word in words]
        except UnicodeDecodeError:
            continue
        bits = _bits(candidate, texts)
        if bits <= most:
            costs.append((bits + candidate.rarity, candidate.encoding))
    return [encoding for _, encoding in sorted(costs, key=lambda cost: cost[0])]


def _words(stream: BinaryIO) -> Iterator[bytes]:
    """A few hundred of every chunk; a word that two chunks share is left out, and so is one of more than 4 KiB."""
    first = True
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        for found in islice(_REST.finditer(chunk), _WORDS_A_CHUNK):
            shared = (found.start() == 0 and not first) or (found.end() == len(chunk) == _CHUNK)
            if not shared and found.end() - found.start() <= _WORD_BYTES:
                start = _START.search(chunk[max(found.start() - 24, 0) : found.start()])
                yield (start[0] if start else b"") + found[0]
        first = False


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bits(candidate: Candidate, texts: list[str]) -> float:
    """What the texts cost in the language that fits them best."""
    fixed = 0.0
    found: Counter[str] = Counter()
    for text in texts:
        before = ""
        for place, sign in enumerate(text):
            after = text[place + 1 : place + 2]
            fixed += misfit_bits(before, sign, after)
            if candidate.languages and sign > "\x7f" and sign.isalpha() and sign not in "ªº":
                fixed += _UPPER * is_upper(sign)
                found["i̇" if sign == "İ" else sign.lower()] += 1
            elif candidate.languages or sign <= "\x7f":
                fixed += sign_bits(sign)
            else:
                fixed += ideograph_bits(sign, candidate.encoding)
            before = sign
    return fixed + min((_language_bits(found, one) for one in candidate.languages), default=0.0)


def _language_bits(found: Counter[str], alphabet: str) -> float:
    """Zipf's law stands in for counted frequencies."""
    scale = math.log2(math.log(len(alphabet)) + 0.58)
    ranks = {letter: place for place, letter in reversed(list(enumerate(alphabet, 1)))}
    return sum(
        count * (math.log2(ranks[letter]) + scale if letter in ranks else _FOREIGN)
        for letter, count in found.items()
    )
