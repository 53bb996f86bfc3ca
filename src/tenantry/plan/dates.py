"""Date text, read without a locale or a calendar library; the C kernel has the same rules.

Text of at most 64 bytes, in any of these forms (``order`` decides only where both numbers could be the month):

- year first, in every order: ``2024-03-05``, ``2024/3/5``, ``2024.03.05``; ``20240305`` and ``20240305103000`` with
  ``ymd`` or where ``digits`` is ``day``;
- ``mdy`` and ``dmy``: two numbers of 1–2 digits and a year of 2 or 4, all parted by one of ``/ - .``;
- with a month's name, in every order: ``Mar 5, 2024``, ``5 March 2024``, ``05-Mar-24``, ``5th of March 2024``,
  ``2024 Mar 5``; parted by up to three of ``space , - / .`` and *of*, *de* or *den*; a weekday's name (English) may
  stand before. Names are English, German, French, Spanish, Italian, Portuguese or Dutch, in full or as they are
  abbreviated; Latin letters lose their accents first;
- a month alone, which stands for its first day: ``2024-03``, ``03/2024``, ``Mar 2024``, ``Mar-24``; a quarter:
  ``2024Q1``, ``2024-Q1``, ``Q1 2024``.

Years of two digits are 1969–2068 (POSIX). Then an optional time, after ``T``, ``:``, spaces or a comma and spaces, and
*at*: ``HH:MM[:SS[.fraction]]``, ``HHMM[SS]``, or an hour alone with ``AM``/``PM`` (also ``a.m.``), and ``Z``, ``UTC``,
``GMT``, a zone of RFC 822 or Europe (``EST``, ``CET`` …) or an offset ``±HH[:MM]``, which is converted to UTC; a
comment in brackets may end it. A date that is not in the calendar, or anything left over, means missing.

``digits`` says what text that is a plain decimal number means, if anything: ``month`` (202403), ``seconds``, ``millis``
or ``micros`` since 1970-01-01, ``excel`` (days since 1899-12-30, of which the fraction is rounded to the second).
"""

import math

from tenantry.plan.ir import DateDigits, DateOrder

MAX_DATE_BYTES = 64
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OTHER_MONTHS = (
    "sept",
    "januar janvier enero ene gennaio gen janeiro januari janv",
    "februar fevrier febrero febbraio fevereiro februari fev fevr",
    "marz mars marzo marco maart mrz mrt",
    "avril abril aprile abr avr",
    "mai mayo maggio maio mei mag",
    "juni juin junio giugno junho giu",
    "juli juillet julio luglio julho juil lug",
    "aout agosto augustus ago",
    "septembre septiembre setiembre settembre setembro set",
    "oktober octobre octubre ottobre outubro okt ott out",
    "novembre noviembre novembro",
    "dezember decembre diciembre dicembre dezembro dez dic",
)
"""Names beside :data:`MONTHS` and their first three letters; at 0 one of September, then of January …"""
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "wet": 0, "cet": 1, "cest": 2, "eet": 2, "eest": 3,
}  # fmt: skip
"""Hours east of UTC."""
LATIN = "aaaaaaaceeeeiiiidnooooo?ouuuuyt?aaaaaaaceeeeiiiidnooooo?ouuuuyty"
"""U+00C0 to U+00FF without accents; ``?`` belongs to no date."""
BLANKS = "\u00a0\u2009\u202f"
_PER_SECOND = {"seconds": 1, "millis": 1000, "micros": 1_000_000}
_EXCEL_EPOCH = 25_569
_LAST_DAY, _FIRST_DAY = 2_932_896, -719_162
DATE_PARTS = 7
Parts = tuple[float, float, float, float, float, float, float]
"""Days, month, weekday, day, hour, year day, week."""
NO_DATE: Parts = (math.nan,) * 7


class _Scanner:
    """A position in ASCII-lower-cased text; every ``take`` moves on only where it matches."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def done(self) -> bool:
        return self.at == len(self.text)

    def take(self, characters: str, most: int) -> str:
        start = self.at
        while self.at < len(self.text) and self.at - start < most and self.text[self.at] in characters:
            self.at += 1
        return self.text[start : self.at]

    def digits(self, most: int) -> str:
        """At most ``most`` digits; "" where there are more."""
        start = self.at
        run = self.take("0123456789", most)
        if self.digit_next():
            self.at = start
            return ""
        return run

    def digit_next(self) -> bool:
        return self.peek() in tuple("0123456789")

    def word(self) -> str:
        return self.take("abcdefghijklmnopqrstuvwxyz", 16)


def parse_date(text: str, order: DateOrder, digits: DateDigits = "") -> Parts | None:
    """Stripped text → its parts in UTC, or ``None``."""
    folded = _fold(text)
    if folded is None:
        return None
    scan = _Scanner(folded)
    if digits in ("seconds", "millis", "micros", "excel"):
        moment = _number(scan, digits)
        if moment is not None:
            return _parts(*moment)
        scan.at = 0
    date = _date(scan, order, digits)
    if date is None:
        return None
    seconds = _time(scan)
    if seconds is None:
        return None
    whole, fraction = seconds
    return _parts(days_from_civil(*date), whole, fraction)


def _fold(text: str) -> str | None:
    """Lower-case ASCII, or ``None`` where the text is too long or holds what no date does."""
    if len(text.encode()) > MAX_DATE_BYTES:
        return None
    folded = []
    for character in text:
        code = ord(character)
        if 0 < code < 0x80:
            folded.append(chr(code | 32) if "A" <= character <= "Z" else character)
        elif 0xC0 <= code <= 0xFF:
            folded.append(LATIN[code - 0xC0])
        elif character in BLANKS:
            folded.append(" ")
        else:
            return None
    return "".join(folded)


def _parts(days: int, whole: int, fraction: float) -> Parts:
    carried, second = divmod(whole, 86_400)
    days += carried
    year, month, day = civil_from_days(days)
    weekday = (days + 3) % 7
    return (
        days + (second + fraction) / 86_400.0,
        float(month),
        float(weekday),
        float(day),
        float(second // 3600),
        float(days - days_from_civil(year, 1, 1) + 1),
        float(_week(days + 3 - weekday, year)),
    )


def _week(thursday: int, year: int) -> int:
    """ISO 8601: a week is of the year that its Thursday is of, which is ``year`` or one beside it."""
    first = next(day for day in (days_from_civil(year + 1 - i, 1, 1) for i in range(3)) if day <= thursday)
    return (thursday - first) // 7 + 1


def _number(scan: _Scanner, digits: DateDigits) -> tuple[int, int, float] | None:
    """A plain decimal number → (days, seconds, fraction of a second); ``None`` for other text or years."""
    minus = scan.take("-", 1)
    run = scan.digits(18)
    part = scan.take("0123456789", 64) if scan.take(".", 1) else ""
    if not run or not scan.done():
        return None
    whole, fraction = int(run), int(part[:9] or "0") / 10.0 ** len(part[:9])
    if digits == "excel":
        moment = (whole - _EXCEL_EPOCH, math.floor(fraction * 86_400.0 + 0.5), 0.0)
        if minus:
            return None
    else:
        per_second = _PER_SECOND[digits]
        second, rest = divmod(-whole if minus else whole, per_second)
        if per_second > 1:
            fraction = rest / per_second
        elif minus:
            fraction = 0.0
        moment = (second // 86_400, second % 86_400, fraction)
    return moment if _FIRST_DAY <= moment[0] < _LAST_DAY else None


def _date(scan: _Scanner, order: DateOrder, digits: DateDigits) -> tuple[int, int, int] | None:
    if scan.peek().isalpha():
        start = scan.at
        if _named(scan.word(), WEEKDAYS) > 0:
            scan.take(" ,", 3)
        else:
            scan.at = start
    if scan.peek().isalpha():
        return _month_first(scan)
    first = scan.digits(14)
    if len(first) in (8, 14):
        if len(first) == 14:
            scan.at -= 6
        compact = order == "ymd" or digits == "day"
        return _checked(int(first[:4]), int(first[4:6]), int(first[6:8])) if compact else None
    if len(first) == 6 and digits == "month":
        return _checked(int(first[:4]), int(first[4:]), 1)
    if not first or len(first) == 3 or len(first) > 4:
        return None
    _ordinal(scan, first)
    start = scan.at
    parted = scan.take(" ,-/.", 3)
    if scan.peek().isalpha() and (parted or scan.peek() == "q"):
        return _month_second(scan, first)
    scan.at = start
    return _numeric(scan, first, order) if parted else None


def _month_first(scan: _Scanner) -> tuple[int, int, int] | None:
    word = scan.word()
    quarter = scan.digits(1) if word == "q" else ""
    month = 3 * int(quarter) - 2 if quarter else _month(word)
    parted = scan.take(" ,-/.'", 3)
    if not 1 <= month <= 12 or not parted:
        return None
    start = scan.at
    year = scan.digits(4)
    if scan.done() and (len(year) == 4 or (len(year) == 2 and (quarter or "-" in parted or "'" in parted))):
        return _checked(_year(year), month, 1)
    scan.at = start
    day = scan.digits(2)
    if not day or quarter:
        return None
    _ordinal(scan, day)
    _link(scan)
    if not scan.take(" ,-/.", 3):
        return None
    year = scan.digits(4)
    return _checked(_year(year), month, int(day)) if year else None


def _month_second(scan: _Scanner, first: str) -> tuple[int, int, int] | None:
    _link(scan)
    word = scan.word()
    if word == "q" and len(first) == 4:
        quarter = scan.digits(1)
        return _checked(int(first), 3 * int(quarter) - 2, 1) if quarter and scan.done() else None
    month = _month(word)
    if month and len(first) == 4 and scan.done():
        return _checked(int(first), month, 1)
    if not month or not scan.take(" ,-/.", 3):
        return None
    _link(scan)
    last = scan.digits(4)
    if not last:
        return None
    if len(first) == 4:
        _ordinal(scan, last)
        return _checked(int(first), month, int(last)) if len(last) <= 2 else None
    return _checked(_year(last), month, int(first))


def _numeric(scan: _Scanner, first: str, order: DateOrder) -> tuple[int, int, int] | None:
    mark = scan.take("-/.", 1)
    second = scan.digits(4)
    if not mark or not second:
        return None
    if scan.done() and mark != "." and (len(first) == 4) != (len(second) == 4):
        year, month = (first, second) if len(first) == 4 else (second, first)
        return _checked(int(year), int(month), 1) if len(month) <= 2 else None
    if len(second) > 2 or scan.take(mark, 1) != mark:
        return None
    third = scan.digits(4)
    if not third:
        return None
    if len(first) == 4:
        return _checked(int(first), int(second), int(third)) if len(third) <= 2 else None
    if order == "ymd":
        return None
    month, day = (first, second) if order == "mdy" else (second, first)
    return _checked(_year(third), int(month), int(day))


def _ordinal(scan: _Scanner, digits: str) -> None:
    start = scan.at
    if scan.peek().isalpha() and (len(digits) > 2 or scan.word() not in ("st", "nd", "rd", "th")):
        scan.at = start


def _link(scan: _Scanner) -> None:
    """Skip *of*, *de* or *den* with the blanks around it."""
    start = scan.at
    scan.take(" ", 3)
    if scan.word() not in ("of", "de", "den") or not scan.take(" ", 1):
        scan.at = start


def _named(word: str, names: tuple[str, ...]) -> int:
    for number, name in enumerate(names, 1):
        if word in (name, name[:3]):
            return number
    return 0


def _month(word: str) -> int:
    found = _named(word, MONTHS)
    if found or not word:
        return found
    for number, names in enumerate(OTHER_MONTHS):
        if word in names.split():
            return number or 9
    return 0


def _year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    if len(digits) != 2:
        return 0
    return int(digits) + (2000 if int(digits) <= 68 else 1900)


def _checked(year: int, month: int, day: int) -> tuple[int, int, int] | None:
    if year < 1 or not 1 <= month <= 12:
        return None
    leap = month == 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    length = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1] + leap
    return (year, month, day) if 1 <= day <= length else None


def _time(scan: _Scanner) -> tuple[int, float] | None:
    """Seconds from midnight UTC (may be outside the day) and their fraction; ``None`` where it is no time."""
    if scan.done():
        return 0, 0.0
    if not scan.digit_next() and not scan.take("t:", 1) and not scan.take(" ,", 3):
        return None
    start = scan.at
    if scan.word() != "at" or not scan.take(" ", 1):
        scan.at = start
    clock = _clock(scan)
    if clock is None:
        return None
    hour, minute, second, fraction = clock
    hours = _half_day(scan, int(hour))
    if not minute and hours < 0:
        return None
    hours = int(hour) if hours < 0 else hours
    offset = _offset(scan)
    if hours > 23 or int(minute or 0) > 59 or int(second) > 59 or offset is None or not scan.done():
        return None
    part = int(fraction[:9]) / 10.0 ** len(fraction[:9]) if fraction else 0.0
    return hours * 3600 + int(minute or 0) * 60 + int(second) - offset, part


def _clock(scan: _Scanner) -> tuple[str, str, str, str] | None:
    """Hour, minute ("" where there is none), second and fraction as digits."""
    hour, minute, second, fraction = scan.digits(6), "", "0", ""
    if len(hour) in (4, 6):
        return hour[:2], hour[2:4], hour[4:] or "0", ""
    if not 1 <= len(hour) <= 2:
        return None
    if not scan.take(":", 1):
        return hour, "", "0", ""
    minute = scan.digits(2)
    if len(minute) != 2:
        return None
    if scan.take(":", 1):
        second = scan.digits(2)
        if len(second) != 2:
            return None
        if scan.take(".,", 1):
            fraction = scan.take("0123456789", 64)
            if not fraction:
                return None
    return hour, minute, second, fraction


def _half_day(scan: _Scanner, hour: int) -> int:
    """The hour with AM or PM applied; 99 where they do not fit, -1 where there is neither."""
    start = scan.at
    scan.take(" ", 1)
    word = scan.word()
    if word in ("a", "p") and scan.take(".", 1) and scan.word() == "m":
        scan.take(".", 1)
        word += "m"
    if word not in ("am", "pm"):
        scan.at = start
        return -1
    if not 1 <= hour <= 12:
        return 99
    return hour % 12 + (12 if word == "pm" else 0)


def _offset(scan: _Scanner) -> int | None:
    """Seconds east of UTC; 0 where none is given."""
    start = scan.at
    scan.take(" ", 1)
    zone = 0
    if scan.peek().isalpha():
        word = scan.word()
        if word not in ZONES:
            return None
        zone = ZONES[word] * 3600
        start = scan.at
    sign = scan.take("+-", 1)
    if not sign:
        scan.at = start
        _comment(scan)
        return zone
    digits = scan.digits(4)
    if len(digits) == 2 and scan.take(":", 1):
        digits += scan.digits(2)
    if len(digits) == 2:
        digits += "00"
    if len(digits) != 4 or int(digits[:2]) > 23 or int(digits[2:]) > 59:
        return None
    _comment(scan)
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return zone + (-seconds if sign == "-" else seconds)


def _comment(scan: _Scanner) -> None:
    """Skip text in brackets at the end."""
    start = scan.at
    scan.take(" ", 1)
    if scan.text[-1] == {"(": ")", "[": "]"}.get(scan.peek()):
        scan.at = len(scan.text)
    else:
        scan.at = start


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's algorithm)."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """The inverse of :func:`days_from_civil`."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return math.floor(year + era * 400 + (month <= 2)), month, day
