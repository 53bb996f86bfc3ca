"""Words in any script: which characters end a word, which scripts write without spaces, and how letters are
lower-cased. The reference that the C kernel (``native/scripts.c``) follows; its tables are made from this module by
``tools/gen_scripts.py``.

Receives text. Hands on tokens as a :class:`~tenantry.plan.ir.TextColumn` with ``scripts`` reads them.
"""

from collections.abc import Iterator

MAX_TOKEN_BYTES = 64

SEPARATORS = (
    (0x80, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x60C, 0x60C),
    (0x61B, 0x61B), (0x61F, 0x61F), (0x6D4, 0x6D4), (0x964, 0x965), (0xE4F, 0xE4F), (0xE5A, 0xE5B),
    (0x104A, 0x104F), (0x17D4, 0x17D6), (0x17D8, 0x17DA), (0x2000, 0x200B), (0x200E, 0x206F), (0x3000, 0x3004),
    (0x3008, 0x3020), (0x3030, 0x3030), (0x30FB, 0x30FB), (0xFE30, 0xFE4F), (0xFEFF, 0xFEFF), (0xFF01, 0xFF0F),
    (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65),
)  # fmt: skip
"""Punctuation beyond ASCII. The joiners U+200C and U+200D stand inside words."""
UNSPACED = (
    (0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x323AF),
)  # fmt: skip
"""Thai, Lao, Burmese, Khmer, kana, Chinese characters. Korean is written with spaces."""
CASED = ((0xC0, 0x24F), (0x370, 0x556), (0x1E00, 0x1FFF), (0xFF21, 0xFF3A))
"""Blocks whose letters are lower-cased: Latin, Greek, Cyrillic, Armenian, full-width Latin. Unicode has them complete,
so that every version of Python has the same letters here."""


def _lower() -> dict[int, int]:
    """Letter → small letter, where that is one letter; the final sigma is a sigma."""
    pairs = ((c, chr(c).lower()) for first, last in CASED for c in range(first, last + 1))
    return {c: ord(small) for c, small in pairs if len(small) == 1 and ord(small) != c} | {0x3C2: 0x3C3}


LOWER = _lower()


def script_tokens(text: str) -> list[str]:
    """All features of a text in order: its tokens, and after each word the pair that it closes."""
    features: list[str] = []
    before = ""
    for token, is_word in _parts(text):
        features.append(token)
        if before and is_word:
            features.append(f"{before} {token}")
        before = token if is_word else ""
    return features


def script_words(text: str) -> list[str]:
    """The tokens of a text, without the pairs."""
    return [token for token, _ in _parts(text)]


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Tokens, and whether each is a word: the others are pairs of characters, or one that stands alone."""
    at = 0
    while at < len(text):
        unspaced = _within(ord(text[at]), UNSPACED)
        end = at
        while end < len(text) and _in_word(ord(text[end])) and _within(ord(text[end]), UNSPACED) == unspaced:
            end += 1
        run = text[at:end]
        if unspaced and run:
            yield from ((run[i : i + 2], False) for i in range(max(1, len(run) - 1)))
        elif run:
            word = "".join(_small(c) for c in run)
            if 2 <= len(word.encode()) <= MAX_TOKEN_BYTES:
                yield word, True
        at = max(end, at + 1)


def _small(character: str) -> str:
    return character.lower() if character.isascii() else chr(LOWER.get(ord(character), ord(character)))


def _in_word(c: int) -> bool:
    return chr(c).isalnum() if c < 0x80 else not _within(c, SEPARATORS)


def _within(c: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return c >= ranges[0][0] and any(first <= c <= last for first, last in ranges)
