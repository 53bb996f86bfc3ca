"""Who a request is: its id, and its place in a distributed trace (W3C Trace Context).

A caller's trace goes on in the reply and in what is asked of others: same trace, a span of our own. A header that is
not to the letter of the standard begins a new trace, as the standard asks.
"""

import os
import random
import re
from itertools import count

_LATER = re.compile(rb"(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_HEX, _NO_TRACE, _NO_SPAN = b"0123456789abcdef", b"0" * 32, b"0" * 16
_ODD = frozenset(b"13579bdf")
_VISIBLE = re.compile(rb"[!-~]{1,128}")


class Ids:
    """Makes ids for one process; make it after any fork. Random, but no secrets."""

    __slots__ = ("_bits", "_made", "_prefix")

    def __init__(self) -> None:
        self._bits = random.Random(os.urandom(32)).getrandbits
        self._prefix = os.urandom(6).hex()
        self._made = count()

    def request_id(self, given: bytes | None) -> str:
        """The caller's ``x-request-id`` where it is 1–128 visible ASCII characters, or else one of our own."""
        if given is not None and _VISIBLE.fullmatch(given):
            return given.decode("ascii")
        return f"{self._prefix}-{next(self._made)}"

    def stray_id(self, given: bytes | None) -> str:
        """The same for who is not let in, to whom a number would tell how many were."""
        if given is not None and _VISIBLE.fullmatch(given):
            return given.decode("ascii")
        return f"{self._prefix}-{self._bits(48):012x}"

    def traceparent(self, given: bytes | None) -> str:
        """The ``traceparent`` to hand on: the caller's trace, or a new one that is not sampled, with a new span."""
        span = (self._bits(64) or 1).to_bytes(8, "big").hex()
        if given is not None and (_usual(given) or _LATER.fullmatch(given)):
            # Of the flags only the one that we know goes on: sampled.
            return f"00{given[2:36].decode()}{span}-0{'1' if given[54] in _ODD else '0'}"
        return f"00-{(self._bits(128) or 1).to_bytes(16, 'big').hex()}-{span}-00"


def _usual(given: bytes) -> bool:
    """Whether this is a good ``traceparent`` of version 00; several times as fast as a regular expression."""
    return (
        len(given) == 55
        and given.startswith(b"00-")
        and given.translate(None, _HEX) == b"---"
        and given[35] == given[52] == 45  # the other two hyphens
        and given[3:35] != _NO_TRACE
        and given[36:52] != _NO_SPAN
    )


def trace_id(traceparent: str) -> str:
    """The trace's id in a ``traceparent`` of ours."""
    return traceparent[3:35]
