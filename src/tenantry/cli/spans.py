"""Lengths of time as people write them."""

import re

from tenantry.cli.session import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(option: str, text: str) -> int:
    """The seconds in ``30d``, ``12h``, ``45m`` or ``90s``. Raises :class:`UsageError` that names the option.

    >>> seconds_of("--expires", "12h")
    43200
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    if found is None:
        raise UsageError(f"{option} {text!r} is not a time such as 30d, 12h, 45m or 90s")
    return int(found[1]) * _UNITS[found[2]]


def span(seconds: int) -> str:
    """A length of time in its largest whole unit.

    >>> span(86400), span(5400), span(61)
    ('1d', '90m', '61s')
    """
    unit = next(unit for unit, size in reversed(_UNITS.items()) if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
