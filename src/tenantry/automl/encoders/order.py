"""The order in which people read words that hold numbers: ``< 1 year``, ``2 years``, ``10+ years``."""

import re

_LEADING = re.compile(r"^\s*([<>\u2264\u2265~$\u20ac\u00a3(]*)\s*([0-9]+(?:[.,][0-9]+)*)(.*)$", re.DOTALL)


def natural_key(word: str) -> tuple[int, float, int, str, str]:
    """What to sort by: words that begin with a number by it, a bound below or above the number itself; then all others
    by the alphabet."""
    match = _LEADING.match(word)
    if match is None:
        return 1, 0.0, 0, word, word
    sign, digits, rest = match.groups()
    number = float(digits.replace(",", "")) if digits.count(".") <= 1 else float(digits.split(".")[0])
    below = "<" in sign or "\u2264" in sign
    above = ">" in sign or "\u2265" in sign or rest.startswith("+")
    return 0, number, above - below, rest, word
