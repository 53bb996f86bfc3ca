"""How raw values are read: the reference that the C kernel follows bit for bit.

Receives Python values (text, numbers, booleans, ``None``; anything else by ``__index__``, ``__float__`` or ``str``).
Hands on floats, words and tokens. Training uses the same functions (through :mod:`tenantry.plan.kernel`), so that
training and serving cannot read a value in two ways.

Text is stripped of ASCII white space first, and what is then empty is missing, in every kind of column. Lists, objects
and text that is not UTF-8 raise ``InvalidData("record_value")``.

**Number text** (at most 1,000 bytes)::

    text      = [qualifier] (body | [currency] "(" body ")")      brackets mean negative, with no sign inside
    qualifier = ("<" | ">" | "~" | "≤" | "≥" | "≈" | "#") ["="] [blank]              a bound is read as its value
    body      = [sign [blank]] [currency [blank] [sign]] digits [exponent] [suffix]
    sign      = "+" | "-" | U+2212
    currency  = up to 3 ASCII letters and a currency sign ("$", "US$", "€") | a currency word ("USD", "kr", "Rs.")
    digits    = whole part, decimal mark, fraction; one of the parts may be absent
    exponent  = ("e" | "E") ["+" | "-"] 1*DIGIT
    suffix    = [blank] ("%" | currency sign | currency word) | "+" | "-"  (minus only with no sign before)
              | [blank] unit {[blank] [","] [blank] digits [exponent] [blank] unit}          (only with ``units``)
              | anything that begins with a letter, a blank, "%", a quote, "/" and a letter, or a character beyond
                ASCII                             (only with ``unit_tail``, and without ``units``)

A unit is one of ``units``, all that is left of the text or up to the next digit, blank or comma; each number is
multiplied by its unit's factor, and they are summed: ``5 ft 11 in``, ``2h30m``. At most four such pairs. With
``clock``, text may also be ``H:MM[:SS[.fraction]]`` and AM or PM: it is read in hours.

The whole part may be grouped by one kind of thousands mark (the comma where the decimal mark is the point, the point
where it is the comma, else an apostrophe or a blank): groups of three, or of two before a last group of three. Marks in
other places make the text no number; with ``units`` they end it (``5'11"``). Decimal text is rounded correctly to
a double, as by ``float()``; results beyond the range of float32 are clamped to it. ``5 %`` is 5.

**Date text**: see :mod:`tenantry.plan.dates`. **Tokens**: runs of ASCII letters and digits (letters lower-cased) and of
bytes beyond ASCII in UTF-8, of 2 to 64 bytes; others are skipped. The features of a text are its tokens and the pairs
``"a b"`` of neighbouring tokens, in the order ``a``, ``b``, ``a b``, ``c``, ``b c`` … Columns that say so are read by
the rules of :mod:`tenantry.plan.scripts` instead.
"""

import math
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenantry.errors import InvalidData
from tenantry.plan.dates import DATE_PARTS, NO_DATE, Parts, parse_date
from tenantry.plan.ir import F32, F64, I32, DateDigits, DateOrder, NumberFormat
from tenantry.plan.scripts import MAX_TOKEN_BYTES, script_tokens, script_words

SPACE = " \t\n\r\f\v"
FLT_MAX = float(np.finfo(np.float32).max)
MAX_NUMBER_BYTES = 1000
MAX_UNIT_PAIRS = 4
MAX_TF = 16
TF_WEIGHTS: F64 = np.array([0.0, *(1.0 + math.log(tf) for tf in range(1, MAX_TF + 1))])
"""``TF_WEIGHTS[min(count, 16)]``; stored in the plan file, so that every reader has the same numbers."""

BLANKS = " \u00a0\u2009\u202f"
CURRENCY_SIGNS = ("z\u0142", "K\u010d", *"$€£¥₹₽₩₺₴₫₪₦₱฿")
_CODES = """
    AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR FT GBP GHS HKD HUF IDR ILS INR ISK
    JPY KES KR KRW KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RMB RON RS RSD RUB SAR
    SEK SGD THB TND TRY TWD UAH UGX USD UYU VND XAF XOF ZAR
"""
CURRENCY_WORDS = frozenset(_CODES.split())
_CLOCK = re.compile(
    r"([0-9]{1,3}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(?:[ \u00a0\u2009\u202f]?([aApP])[mM])?"
)
_UNIT_ENDS = "0123456789," + BLANKS
_QUOTE_MARKS = "'\u2019"
_TOKEN = re.compile(rb"[a-z0-9\x80-\xff]+")


class Csr(NamedTuple):
    """A sparse matrix by rows: ``data`` float32 and ``indices`` int32 (nnz,), ``indptr`` int64 (rows + 1,)."""

    data: F32
    indices: I32
    indptr: npt.NDArray[np.int64]


def plain(value: Any) -> str | float | int | bool | None:
    """The value as one of the five plain kinds; text is checked to be UTF-8. Errors: ``InvalidData`` (record_value)."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidData("record_value", "a value holds bytes that are not UTF-8") from None
    if isinstance(value, list | tuple | dict | set | frozenset):
        raise InvalidData("record_value", f"a value is a {type(value).__name__}")
    if isinstance(value, str):
        return _encodable(value)
    if type(value).__name__ in ("bool", "bool_"):  # numpy's
        return bool(value)
    for convert in (operator.index, float):
        try:
            return convert(value)
        except TypeError:
            continue
    return _encodable(str(value))


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidData("record_value", "a value holds text that is not valid Unicode") from None
    return text


# --- numbers ---------------------------------------------------------------------------------------------------------


def parse_numbers(values: Iterable[Any], format: NumberFormat) -> F64:  # noqa: A002 (the word of the domain)
    """Values → float64 (n,), NaN where missing or not a number."""
    return np.array([parse_number(value, format) for value in values], dtype=np.float64)


def parse_number(value: Any, format: NumberFormat) -> float:  # noqa: A002
    """One value → a float in the range of float32, or NaN."""
    value = plain(value)
    if value is None:
        return math.nan
    if isinstance(value, str):
        number = _number_text(value.strip(SPACE), format)
    else:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf if value > 0 else -math.inf
    if math.isnan(number) or number in format.nulls:
        return math.nan
    return min(max(number, -FLT_MAX), FLT_MAX)


def _number_text(text: str, format: NumberFormat) -> float:  # noqa: A002
    if len(text.encode()) > MAX_NUMBER_BYTES:
        return math.nan
    if format.clock and (hours := _clock(text)) is not None:
        return hours
    text = text[_qualifier(text) :]
    bracket = _bracket(text)
    if bracket is not None:
        text = text[bracket:-1].strip(SPACE)
    at, sign = _leading(text, signed=bracket is not None)
    scanned = _number(text, at, format)
    if scanned is None:
        return math.nan
    at, number = scanned
    if text[at:] == "-" and bracket is None and not sign:
        return -number
    if not _suffix(text, at):
        if format.units:
            number = _quantity(text, at, number, format)
        elif not (format.unit_tail and _unit_tail(text, at)):
            return math.nan
    return -number if bracket is not None or sign == "-" else number


def _qualifier(text: str) -> int:
    """The position after a sign that says more, less or about."""
    if text[:1] not in tuple("<>~\u2264\u2265\u2248#"):
        return 0
    at = 1 + (text[1:2] == "=")
    return at + (text[at : at + 1] in tuple(BLANKS))


def _bracket(text: str) -> int | None:
    """Where the text inside brackets begins, or ``None`` where there are none."""
    if len(text) <= 2 or text[-1] != ")":
        return None
    at = 0 if text[0] == "(" else _currency(text, 0, prefix=True)
    if at and text[at : at + 1] in tuple(BLANKS):
        at += 1
    return at + 1 if text[at] == "(" and len(text) - at > 2 else None


def _clock(text: str) -> float | None:
    """``H:MM[:SS[.fraction]] [AM|PM]`` in hours."""
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return None
    hour = int(found[1])
    if found[5]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[5] in "pP" else 0)
    part = (found[4] or "")[:9]
    fraction = int(part) / 10.0 ** len(part) if part else 0.0
    return (hour * 3600 + int(found[2]) * 60 + int(found[3] or 0) + fraction) / 3600.0


def _quantity(text: str, at: int, number: float, format: NumberFormat) -> float:  # noqa: A002
    """A number at whose end ``at`` stands, and all that follow it, times their units."""
    units = dict(format.units)
    total = 0.0
    for _ in range(MAX_UNIT_PAIRS):
        at = _blanks(text, at)
        if (factor := units.get(text[at:])) is not None:
            return total + number * factor
        end = at
        while end < len(text) and text[end] not in _UNIT_ENDS:
            end += 1
        factor = units.get(text[at:end])
        if factor is None:
            return math.nan
        total += number * factor
        at = _blanks(text, end)
        at = _blanks(text, at + (text[at : at + 1] == ","))
        scanned = _number(text, at, format)
        if scanned is None:
            return math.nan
        at, number = scanned
    return math.nan


def _blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _number(text: str, at: int, format: NumberFormat) -> tuple[int, float] | None:  # noqa: A002
    """The number at ``at`` and the position after it."""
    scanned = _digits(text, at, format.decimal, units=bool(format.units))
    return None if scanned is None else (scanned[0], float(f"{scanned[1]}e{scanned[2]}"))


def _leading(text: str, *, signed: bool) -> tuple[int, str]:
    """Skip signs, currency and blanks before the digits: (position, "-" or "+" or "")."""
    sign = ""
    at = 0
    if not signed and text[:1] in ("+", "-", "\u2212") and text:
        sign, at = ("+" if text[0] == "+" else "-"), 1
        at += text[at : at + 1] in tuple(BLANKS)
    end = _currency(text, at, prefix=True)
    if end > at:
        at = end + (text[end : end + 1] in tuple(BLANKS))
        if not signed and not sign and text[at : at + 1] in ("+", "-", "\u2212"):
            sign, at = ("+" if text[at] == "+" else "-"), at + 1
    return at, sign


def _currency(text: str, at: int, *, prefix: bool) -> int:
    """The position after a currency at ``at``, or ``at`` where there is none."""
    for mark in CURRENCY_SIGNS:
        if text.startswith(mark, at):
            return at + len(mark)
    end = at
    while end < len(text) and text[end].isascii() and text[end].isalpha():
        end += 1
    if prefix and 0 < end - at <= 3:
        for mark in CURRENCY_SIGNS[2:]:
            if text.startswith(mark, end):
                return end + len(mark)
    word = text[at:end].upper()
    if word in CURRENCY_WORDS:
        return end + (word == "RS" and text[end : end + 1] == ".")
    return at


def _digit(text: str, at: int) -> bool:
    return at < len(text) and "0" <= text[at] <= "9"


def _run(text: str, at: int) -> int:
    while _digit(text, at):
        at += 1
    return at


def _digits(text: str, at: int, decimal: str, *, units: bool) -> tuple[int, str, int] | None:
    """(position after, all digits, power of ten of the last one), or ``None`` for no number. With ``units``, a mark
    in a wrong place ends the number (``5'11"``)."""
    end = _run(text, at)
    whole, lengths = text[at:end], [end - at]
    mark = text[end : end + 1]
    marks = BLANKS + _QUOTE_MARKS + ("," if decimal == "." else ".")
    if whole and mark and mark in marks and _digit(text, end + 1):
        first = end
        while text[end : end + 1] == mark and _digit(text, end + 1):
            at, end = end + 1, _run(text, end + 1)
            whole += text[at:end]
            lengths.append(end - at)
        if not _grouped(lengths):
            if not units:
                return None
            whole, end = whole[: lengths[0]], first
    fraction = ""
    if text[end : end + 1] == decimal:
        at, end = end + 1, _run(text, end + 1)
        fraction = text[at:end]
    if not whole and not fraction:
        return None
    exponent = 0
    if text[end : end + 1] in ("e", "E"):
        at = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        if _digit(text, at):
            end = _run(text, at)
            exponent = min(int(text[at:end]), 99_999)
            exponent = -exponent if text[at - 1] == "-" else exponent
    return end, whole + fraction, exponent - len(fraction)


def _grouped(lengths: list[int]) -> bool:
    first, *middle, last = lengths
    if last != 3:
        return False
    return (first <= 3 and all(n == 3 for n in middle)) or (first <= 2 and all(n == 2 for n in middle))


def _suffix(text: str, at: int) -> bool:
    if at == len(text):
        return True
    if text[at:] == "+":
        return True
    at += text[at] in BLANKS
    return text[at:] == "%" or _currency(text, at, prefix=False) == len(text)


def _unit_tail(text: str, at: int) -> bool:
    first, second = text[at], text[at + 1 : at + 2]
    if not first.isascii() or first.isalpha() or first in " \t%\"'":
        return True
    return first == "/" and second.isascii() and second.isalpha()


# --- dates, words, tokens --------------------------------------------------------------------------------------------


def parse_dates(values: Iterable[Any], order: DateOrder, digits: DateDigits = "") -> F64:
    """Values → float64 (n, 7): days since 1970-01-01, month, weekday (Monday 0), day, hour, year day, ISO week;
    NaN where missing."""
    return np.array([date_parts(value, order, digits) for value in values], dtype=np.float64).reshape(
        -1, DATE_PARTS
    )


def date_parts(value: Any, order: DateOrder, digits: DateDigits = "", nulls: Sequence[float] = ()) -> Parts:
    """One value → its parts; all NaN where it is no date, or its days are one of ``nulls``. Numbers are read as their
    digits."""
    text = date_word(value)
    parts = None if text is None else parse_date(text, order, digits)
    return NO_DATE if parts is None or parts[0] in nulls else parts


def date_word(value: Any) -> str | None:
    """The text of a date: as :func:`category_word`, but objects by ``str`` alone (dates, time stamps)."""
    if value is None or isinstance(
        value, str | bytes | bool | int | float | list | tuple | dict | set | frozenset
    ):
        return category_word(value)
    return category_word(str(value))


def category_word(value: Any) -> str | None:
    """The word of a value, or ``None`` where it is missing.

    Text without white space around; ``true``/``false``; integers in decimal; floats in the shortest form that reads
    back the same, integral ones below 1e15 without the point; NaN is missing.
    """
    value = plain(value)
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip(SPACE) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        try:
            return str(int(value))
        except ValueError:  # beyond Python's limit of digits
            return "inf" if value > 0 else "-inf"
    if math.isnan(value):
        return None
    if abs(value) < 1e15 and value == math.floor(value):
        return str(int(value))
    return repr(float(value))


def tokens(text: str, *, scripts: bool = False) -> list[str]:
    """All features of a text in order: its tokens, and after each the pair that it closes. ``scripts``: by the rules of
    :mod:`tenantry.plan.scripts`."""
    if scripts:
        return script_tokens(text)
    features: list[str] = []
    before = ""
    for word in words(text):
        features.append(word)
        if before:
            features.append(f"{before} {word}")
        before = word
    return features


def words(text: str, *, scripts: bool = False) -> list[str]:
    """The tokens of a text, without the pairs."""
    if scripts:
        return script_words(text)
    runs = _TOKEN.findall(text.encode().lower())
    return [run.decode() for run in runs if 2 <= len(run) <= MAX_TOKEN_BYTES]


def text_matrix(values: Iterable[Any], tokens: Sequence[str], idf: F32, *, scripts: bool = False) -> Csr:
    """TF-IDF rows over known ``tokens`` (values as :class:`~tenantry.plan.ir.TextColumn` says), indices ascending."""
    index = {token: i for i, token in enumerate(tokens)}
    data: list[float] = []
    indices: list[int] = []
    indptr = [0]
    for value in values:
        text = category_word(value)
        row = text_row(text, index, idf, scripts=scripts) if text else {}
        for token in sorted(row):
            indices.append(token)
            data.append(row[token])
        indptr.append(len(indices))
    return Csr(np.array(data, np.float32), np.array(indices, np.int32), np.array(indptr, np.int64))


def text_row(
    text: str, index: dict[str, int], idf: F32, tf: F64 = TF_WEIGHTS, *, scripts: bool = False
) -> dict[int, float]:
    """Token → value for one text, in the order of first occurrence."""
    counts: dict[int, int] = {}
    for token in tokens(text, scripts=scripts):
        known = index.get(token)
        if known is not None:
            counts[known] = counts.get(known, 0) + 1
    raw = {token: float(tf[min(count, MAX_TF)]) * float(idf[token]) for token, count in counts.items()}
    square = 0.0
    for weight in raw.values():
        square += weight * weight
    norm = math.sqrt(square)
    if norm == 0.0:
        return dict.fromkeys(raw, 0.0)
    return {token: math.floor(weight / norm * 256.0 + 0.5) / 256.0 for token, weight in raw.items()}
