"""How many bits a sign costs, by its kind and its neighbours, whatever the language."""

import math
import unicodedata
from functools import cache

from tenantry.ingest import letters

_TYPOGRAPHIC = "“”‘’„‚–—…€£°§«»™®©·\u00a0×²³№¿¡±½µ"
_FREQUENT = {
    "cp932": frozenset(letters.COMMON_KANJI),
    "euc_jp": frozenset(letters.COMMON_KANJI),
    "gb18030": frozenset(letters.COMMON_HANZI),
    "big5": frozenset(letters.COMMON_HANZI_TRADITIONAL),
    "cp949": frozenset(letters.COMMON_HANGUL),
}
# The first rows of every national set hold what is written often: from which code, to which.
_EVERYDAY = {
    "cp932": (0x889F, 0x9872),
    "euc_jp": (0xB0A1, 0xCFD3),
    "gb18030": (0xB0A1, 0xD7F9),
    "big5": (0xA440, 0xC67E),
    "cp949": (0xB0A1, 0xC8FE),
}
_UNKNOWN = 40.0


def misfit_bits(before: str, sign: str, after: str) -> float:
    """What is odd about a sign where it stands: a capital after a small letter, another script, a symbol
    between letters."""
    if not before and not after:
        return 0.0
    bits = 0.0
    ascii_only = sign <= "\x7f" and before <= "\x7f"
    if sign.isalpha() and before.isalpha() and not ascii_only:
        if is_upper(sign) and before.islower():
            bits += 6.0
        ours, theirs = _script(sign), _script(before)
        if ours != theirs:
            bits += 4.0 if "wide" in (ours, theirs) else 12.0
        elif ours == "LATIN" and sign > "\x7f" and before > "\x7f":
            bits += 3.0  # accents seldom follow one another
    elif not sign.isalnum() and sign > "\x7f" and sign not in "’\u00a0·" and not unicodedata.combining(sign):
        bits += 6.0 if before.isalpha() and after.isalpha() and _script(before) != "wide" else 0.0
    return bits


def is_upper(sign: str) -> bool:
    """Whether it is a capital that has a small letter."""
    return sign.isupper() and sign.lower() != sign


@cache
def sign_bits(sign: str) -> float:
    """A sign that is no letter of a language beyond ASCII."""
    if sign <= "\x7f":
        return 4.2 if sign.islower() else 5.5 if sign.isalpha() else 3.3 if sign.isdigit() else 8.0
    kind = unicodedata.category(sign)
    if kind == "Cc":  # no text holds it
        return math.inf
    if kind in ("Co", "Cn"):
        return _UNKNOWN
    if kind == "Mn":  # vowel signs of Thai and the like
        return 6.0
    if sign in _TYPOGRAPHIC:
        return 9.0
    return 16.0 if "\u2500" <= sign <= "\u259f" else 13.0


@cache
def ideograph_bits(sign: str, encoding: str) -> float:
    """A sign of an East Asian encoding."""
    if unicodedata.category(sign) in ("Cc", "Co", "Cn"):
        return _UNKNOWN
    if sign in _FREQUENT[encoding]:
        return 8.5
    if "\u3041" <= sign <= "\u30ff":
        return 7.0 if encoding in ("cp932", "euc_jp") else 14.0
    if "\uff61" <= sign <= "\uff9f":
        return 6.5
    code = int.from_bytes(sign.encode(encoding), "big")
    low, high = _EVERYDAY[encoding]
    if low <= code <= high:
        return 12.0
    if "\u3000" <= sign <= "\u303f" or "\uff01" <= sign <= "\uff5e":
        return 10.0
    return 22.0 if code > 0xFFFF else 17.0


@cache
def _script(sign: str) -> str:
    name = unicodedata.name(sign, "").partition(" ")[0]
    if name.partition("-")[0] in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "HALFWIDTH", "FULLWIDTH"):
        return "wide"
    return name
