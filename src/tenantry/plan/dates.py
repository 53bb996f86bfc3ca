"""Date text, read without a locale or a calendar library; the C kernel has the same rules.

Text of at most 64 bytes, in any of these forms (``order`` decides only where both numbers could be the month):

- year first, in every order: ``2024-03-05``, ``2024/3/5``, ``2024.03.05``; ``20240305`` only with ``ymd``;
- ``mdy`` and ``dmy``: two numbers of 1–2 digits and a year of 2 or 4, all parted by one of ``/ - .``;
- with an English month name (three letters, ``sept`` or in full), in every order: ``Mar 5, 2024``, ``5 March 2024``,
  ``05-Mar-24``, ``5th of March`` without *of*, ``2024 Mar 5``; parted by up to three of ``space , - / .``; a weekday's
  name may stand before.

Years of two digits are 1969–2068 (POSIX). Then an optional time, after ``T``, spaces or a comma and spaces:
``HH:MM[:SS[.fraction]]``, ``AM``/``PM``, and ``Z``, ``UTC``, ``GMT`` or an offset ``±HH[:MM]``, which is converted to
UTC. A date that is not in the calendar, or anything left over, means missing.
"""

import math

from tenantry.plan.ir import DateOrder

MAX_DATE_BYTES = 64
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Parts = tuple[float, float, float, float, float]


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
        if self.peek() in tuple("0123456789"):
            self.at = start
            return ""
        return run

    def word(self) -> str:
        return self.take("abcdefghijklmnopqrstuvwxyz", 16)


def parse_date(text: str, order: DateOrder) -> Parts | None:
    """Stripped text → (days, month, weekday, day, hour) in UTC, or ``None``."""
    raw = text.encode()
    if len(raw) > MAX_DATE_BYTES or not raw.isascii():
        return None
    scan = _Scanner(raw.lower().decode())
    date = _date(scan, order)
    if date is None:
        return None
    seconds = _time(scan)
    if seconds is None:
        return None
    whole, fraction = seconds
    carried, second = divmod(whole, 86_400)
    days = days_from_civil(*date) + carried
    _, month, day = civil_from_days(days)
    return (
        days + (second + fraction) / 86_400.0,
        float(month),
        float((days + 3) % 7),
        float(day),
        float(second // 3600),
    )


def _date(scan: _Scanner, order: DateOrder) -> tuple[int, int, int] | None:
    if scan.peek().isalpha():
        start = scan.at
        if _named(scan.word(), WEEKDAYS) > 0:
            scan.take(" ,", 3)
        else:
            scan.at = start
    if scan.peek().isalpha():
        return _month_first(scan)
    first = scan.digits(8)
    if len(first) == 8:
        return _checked(int(first[:4]), int(first[4:6]), int(first[6:])) if order == "ymd" else None
    if not first or len(first) == 3 or len(first) > 4:
        return None
    _ordinal(scan, first)
    start = scan.at
    parted = scan.take(" ,-/.", 3)
    if not parted:
        return None
    if scan.peek().isalpha():
        return _month_second(scan, first)
    scan.at = start
    return _numeric(scan, first, order)


def _month_first(scan: _Scanner) -> tuple[int, int, int] | None:
    month = _named(scan.word(), MONTHS)
    parted = scan.take(" ,-/.", 3)
    day = scan.digits(2)
    if not month or not parted or not day:
        return None
    _ordinal(scan, day)
    if not scan.take(" ,-/.", 3):
        return None
    year = scan.digits(4)
    return _checked(_year(year), month, int(day)) if year else None


def _month_second(scan: _Scanner, first: str) -> tuple[int, int, int] | None:
    month = _named(scan.word(), MONTHS)
    if not month or not scan.take(" ,-/.", 3):
        return None
    last = scan.digits(4)
    if not last:
        return None
    if len(first) == 4:
        _ordinal(scan, last)
        return _checked(int(first), month, int(last)) if len(last) <= 2 else None
    return _checked(_year(last), month, int(first))


def _numeric(scan: _Scanner, first: str, order: DateOrder) -> tuple[int, int, int] | None:
    mark = scan.take("-/.", 1)
    second = scan.digits(2)
    if not mark or not second or scan.take(mark, 1) != mark:
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


def _named(word: str, names: tuple[str, ...]) -> int:
    for number, name in enumerate(names, 1):
        if word in (name, name[:3]) or (word == "sept" and number == 9 and len(names) == 12):
            return number
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
    if scan.peek() == "t":
        scan.at += 1
    elif not scan.take(" ,", 3):
        return None
    hour, minute = scan.digits(2), ""
    if hour and scan.take(":", 1):
        minute = scan.digits(2)
    if len(minute) != 2:
        return None
    second, fraction = "0", ""
    if scan.take(":", 1):
        second = scan.digits(2)
        if len(second) != 2:
            return None
        if scan.take(".,", 1):
            fraction = scan.take("0123456789", 64)
            if not fraction:
                return None
    hours = _half_day(scan, int(hour))
    offset = _offset(scan)
    if hours > 23 or int(minute) > 59 or int(second) > 59 or offset is None or not scan.done():
        return None
    part = int(fraction[:9]) / 10.0 ** len(fraction[:9]) if fraction else 0.0
    return hours * 3600 + int(minute) * 60 + int(second) - offset, part


def _half_day(scan: _Scanner, hour: int) -> int:
    """The hour with AM or PM applied; 99 where they do not fit."""
    start = scan.at
    scan.take(" ", 1)
    word = scan.word()
    if word not in ("am", "pm"):
        scan.at = start
        return hour
    if not 1 <= hour <= 12:
        return 99
    return hour % 12 + (12 if word == "pm" else 0)


def _offset(scan: _Scanner) -> int | None:
    """Seconds east of UTC; 0 where none is given."""
    start = scan.at
    scan.take(" ", 1)
    if scan.peek().isalpha():
        return 0 if scan.word() in ("z", "utc", "gmt") else None
    sign = scan.take("+-", 1)
    if not sign:
        scan.at = start
        return 0
    digits = scan.digits(4)
    if len(digits) == 2 and scan.take(":", 1):
        digits += scan.digits(2)
    if len(digits) == 2:
        digits += "00"
    if len(digits) != 4 or int(digits[:2]) > 23 or int(digits[2:]) > 59:
        return None
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if sign == "-" else seconds


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
