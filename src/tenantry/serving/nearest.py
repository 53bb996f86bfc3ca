"""Names that a caller may have meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_SHOWN = 5
_COMPARED = 500
_LENGTH = 100


def describe(unknown: Iterable[str], known: Sequence[str]) -> str:
    """Quote unknown names, with the nearest known one beside each where there is one.

    Bounded: a few names, compared to the first few hundred known ones, so that a hostile request costs
    little.

    >>> describe(["tenur", "zzz"], ["tenure", "Contract"])
    "'tenur' (did you mean 'tenure'?), 'zzz'"
    """
    names = sorted(unknown)
    shown = []
    for name in names[:_SHOWN]:
        near = get_close_matches(name[:_LENGTH], known[:_COMPARED], n=1)
        if not near:
            near = [other for other in known if other.casefold() == name.casefold()][:1]
        shown.append(f"{name[:_LENGTH]!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
