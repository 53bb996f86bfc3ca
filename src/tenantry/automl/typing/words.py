"""Texts that are not numbers or dates: words for missing, booleans, contacts, places, categories, free text."""

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import SAMPLE, Distinct
from tenantry.automl.typing.places import COUNTRIES
from tenantry.plan.scripts import UNSPACED
from tenantry.schema import SemanticType

NULL_WORDS = frozenset(
    {
        "", "?", "??", "n/a", "n.a", "na", "nan", "nat", "null", "nil", "missing", "blank", "empty", "select",
        "please select", "select one", "choose", "choose one", "please choose", "undefined", "unset", "not set",
        "not available", "not provided", "not specified", "not stated", "none given", "not given", "no data",
        "no value", "no answer", "tbd", "tba", "value!", "ref!", "div/0!", "name?", "null!", "num!", "\\n",
        "0000-00-00", "00/00/0000", "00.00.0000", "0000-00-00 00:00:00", "0000-00-00t00:00:00",
    }
)  # fmt: skip
"""Words that mean missing in any column, in lower case and without the marks around them (``(blank)``, ``#N/A``,
``-- select --``; a mark alone is the empty word). ``none``, ``unknown`` and ``other`` are answers."""

_MARKS = " -\u2013\u2014_.*\u2026<>()[]{}#"
_LONGEST_NULL = max(map(len, NULL_WORDS)) + 6
_TRUE = (
    "yes",
    "y",
    "true",
    "t",
    "on",
    "1",
    "ja",
    "oui",
    "si",
    "sí",
    "sì",
    "sim",
    "wahr",
    "vrai",
    "verdadero",
    "vero",
)
_FALSE = ("no", "n", "false", "f", "off", "0", "nein", "non", "não", "nao", "nee", "falsch", "faux", "falso")
BOOLEAN_WORDS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
"""Words for true and false, in lower case. ``0`` and ``1`` alone are a number's."""

_BOOLEANS = BOOLEAN_WORDS.keys() - {"0", "1"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,22}(?:\s*(?:x|ext\.?)\s*\d+)?", re.IGNORECASE)
_DECIMAL = re.compile(r"[+-]?\d*\.\d+")  # a coordinate has a sign and many digits, too
_UNSPACED = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in UNSPACED) + "]")
_POSTAL_NAME = re.compile(r"zip|postal|postcode|post_code|plz", re.IGNORECASE)
_PHONE_NAME = re.compile(r"phone|mobile|(?:^|[^a-z])(?:tel|fax|cell)(?:$|[^a-z])", re.IGNORECASE)


def null_words(values: Distinct) -> tuple[str, ...]:
    """The words of a text column that mean missing. ``NA`` is kept among other codes of two capitals (Namibia), ``-``
    beside ``+`` (the result of a test)."""
    texts = values.texts
    nulls = [t for t in texts if len(t) <= _LONGEST_NULL and t.strip(_MARKS).lower() in NULL_WORDS]
    if "-" in nulls and "+" in texts:
        nulls.remove("-")
    if "NA" in nulls:
        codes = sum(len(t) == 2 and t.isalpha() and t.isupper() for t in texts)
        if codes - 1 >= max(3, 0.8 * (len(texts) - len(nulls))):
            nulls.remove("NA")
    return tuple(nulls)


def without(values: Distinct, nulls: tuple[str, ...]) -> Distinct:
    """The column with its null words as nulls."""
    if not nulls:
        return values
    gone = [i for i, v in enumerate(values.values) if str(v) in nulls]
    return values.take(np.flatnonzero(~np.isin(values.codes, gone)).astype(np.int64))


def said_nulls(nulls: tuple[str, ...]) -> str:
    """The null words as the end of an evidence."""
    return "; read as missing: " + ", ".join(repr(n) for n in nulls[:3]) if nulls else ""


def coordinate(name: str, parsed: npt.NDArray[np.float64]) -> str:
    """``latitude`` or ``longitude`` where a column of numbers is called that and stays within its range, else ""."""
    last = re.sub(r"[^a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()).split()[-1:]
    most = np.nanmax(np.abs(parsed), initial=0.0)
    if last and last[0] in ("lat", "latitude") and most <= 90:
        return "latitude"
    return "longitude" if last and last[0] in ("lon", "lng", "long", "longitude") and most <= 180 else ""


def is_boolean(values: Distinct, nulls: tuple[str, ...]) -> bool:
    """Whether the column says yes and no."""
    if values.boolean or len(values.values) > 2 * len(_BOOLEANS):
        return values.boolean
    words = {text.lower() for text in values.texts if text not in nulls}
    if not words <= BOOLEAN_WORDS.keys() or not words & _BOOLEANS:
        return False
    if not all(t in _spellings(t.lower()) for t in values.texts if t not in nulls):
        return False  # the plan knows these spellings
    return len({BOOLEAN_WORDS[word] for word in words}) == 2


def boolean_spellings(words: Sequence[str]) -> dict[str, str]:
    """Every other way to write a boolean column's words: spelling → the column's own word that it stands for.

    A caller may send ``true`` or ``no`` where the training table said ``YES`` and ``NO``.
    """
    own: dict[bool, str] = {}
    for word in words:
        if word.lower() in BOOLEAN_WORDS:
            own.setdefault(BOOLEAN_WORDS[word.lower()], word)
    if len(own) != 2:
        return {}
    same = {word.lower(): word for word in words}
    spellings: dict[str, str] = {}
    for word, truth in BOOLEAN_WORDS.items():
        for spelling in _spellings(word):
            if spelling not in words:
                spellings[spelling] = same.get(word, own[truth])
    return spellings


def _spellings(word: str) -> tuple[str, str, str]:
    return word, word.upper(), word.capitalize()


def contact_type(name: str, texts: list[str]) -> SemanticType | None:
    """Email, URL or phone, where nine in ten values look like it."""
    texts = texts[:SAMPLE]
    for kind in (SemanticType.EMAIL, SemanticType.URL):
        if _mostly(texts, 0.9, partial(is_shaped, kind)):
            return kind
    if _mostly(texts, 0.9, _phone_shaped) and (
        _PHONE_NAME.search(name)
        or all(re.search(r"[+()\-]", t) and not _DECIMAL.fullmatch(t) for t in texts if _phone_shaped(t))
    ):
        return SemanticType.PHONE
    return None


def is_shaped(kind: SemanticType, text: str) -> bool:
    """Whether a text is written like an e-mail address, a URL or a phone number."""
    if kind is SemanticType.EMAIL:
        return bool(_EMAIL.fullmatch(text))
    return bool(_URL.fullmatch(text)) if kind is SemanticType.URL else _phone_shaped(text)


def _phone_shaped(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 15


def _mostly(texts: list[str], share: float, matches: Callable[[str], bool]) -> bool:
    """Whether at least ``share`` of the texts match. Ends as soon as too many do not: tables have many columns."""
    left = len(texts)
    for text in texts:
        if not matches(text):
            left -= 1
            if left < share * len(texts):
                return False
    return True


def place_type(name: str, texts: list[str]) -> SemanticType | None:
    """Postal code (by name, or digits of one length with leading zeros) or country (by a list of names and codes)."""
    texts = texts[:SAMPLE]
    short = all(3 <= len(t) <= 10 and any(c.isdigit() for c in t) for t in texts)
    zeros = any(t.startswith("0") for t in texts) and all(t.isdigit() for t in texts)
    if short and (
        _POSTAL_NAME.search(name) or (zeros and len({len(t) for t in texts}) == 1 and len(texts[0]) == 5)
    ):
        return SemanticType.POSTAL_CODE
    if len(texts) >= 3 and _mostly(texts, 0.8, _names_country):
        return SemanticType.COUNTRY
    return None


def _names_country(text: str) -> bool:
    return re.sub(r"[^a-z]+", " ", text.lower()).strip() in COUNTRIES


def word_count(text: str) -> int:
    """About how many words a text has; scripts without spaces have one in two characters."""
    return len(text.split()) + (0 if text.isascii() else len(_UNSPACED.findall(text)) // 2)


def is_free_text(values: Distinct) -> bool:
    """Free text: at least two words on average, more than 50 different values, and few repeats of each.

    A long label that comes back five times or more is a category: what it meant before says more than its words.
    """
    texts = values.texts
    mean_words = sum(map(word_count, texts)) / max(1, len(texts))
    return mean_words >= 2 and len(texts) > 50 and values.present < 5 * len(texts)
