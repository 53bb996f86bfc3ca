"""What came of each request, in columns."""

from array import array
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from tenantry.loadtest.client import Shot
from tenantry.loadtest.replies import Reply

Key = TypeVar("Key")
NO_STATUS = 0
"""The status of a request that got no reply."""


class _Coded(msgspec.Struct):
    """The part of an error's body that a report counts."""

    code: str = ""


_decode = msgspec.json.Decoder(_Coded).decode


class Samples:
    """Columns of outcomes, of the requests that were due at ``begin`` (monotonic seconds) or later.

    ``outcomes``: (status, code) and ``versions``: (version, rule), as their index columns have them. Mergeable, and
    picklable, so that several processes can measure one run.
    """

    def __init__(self, begin: float = 0.0) -> None:
        self.begin = begin
        self.offset = array("f")
        """Seconds after ``begin`` at which the request was due."""
        self.latency = array("f")
        """Seconds from when it was due to its outcome."""
        self.lag = array("f")
        """Seconds from when it was due to when it was sent; −1 where it never was."""
        self.target = array("I")
        self.outcome = array("H")
        self.version = array("H")
        self.retry_after = array("d")
        """The values of Retry-After, in seconds, in the order in which they came."""
        self.outcomes: dict[tuple[int, str], int] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.cpu_seconds = 0.0
        """CPU that this side of the test took in the measured time."""
        self._seen: dict[tuple[bytes, bytes], int] = {}

    def __len__(self) -> int:
        return len(self.latency)

    def answered(self, shot: Shot, reply: Reply, now: float) -> None:
        """Keep a reply."""
        if shot.due < self.begin:
            return
        status = reply.status
        code = ""
        if status >= 300:
            code = _code_of(reply.body)
            after = reply.header(b"retry-after")
            if after:
                self._keep_retry(after)
        seen = (reply.header(b"x-tenantry-version"), reply.header(b"x-tenantry-rule"))
        self._keep(shot, now, status, code, seen)

    def failed(self, shot: Shot, why: str, now: float) -> None:
        """Keep a request that got no reply."""
        if shot.due >= self.begin:
            self._keep(shot, now, NO_STATUS, why, (b"", b""))

    def extend(self, others: Iterable["Samples"]) -> None:
        """Take in what other processes measured in the same run."""
        for other in others:
            shift = other.begin - self.begin
            self.offset.extend(value + shift for value in other.offset)
            self.latency += other.latency
            self.lag += other.lag
            self.target += other.target
            self.outcome.extend(_renumbered(other.outcome, other.outcomes, self.outcomes))
            self.version.extend(_renumbered(other.version, other.versions, self.versions))
            self.retry_after += other.retry_after
            self.cpu_seconds += other.cpu_seconds

    def _keep(self, shot: Shot, now: float, status: int, code: str, seen: tuple[bytes, bytes]) -> None:
        due = shot.due
        self.offset.append(due - self.begin)
        self.latency.append(now - due)
        self.lag.append(shot.sent - due if shot.sent else -1.0)
        self.target.append(shot.target)
        key = (status, code)
        number = self.outcomes.get(key)
        if number is None:
            number = self.outcomes[key] = len(self.outcomes)
        self.outcome.append(number)
        number = self._seen.get(seen)
        if number is None:
            words = (seen[0].decode("latin-1"), seen[1].decode("latin-1"))
            number = self._seen[seen] = self.versions.setdefault(words, len(self.versions))
        self.version.append(number)

    def _keep_retry(self, text: bytes) -> None:
        try:
            self.retry_after.append(float(text))
        except ValueError:  # a date: a server that counts in days is not waited for
            return


def _code_of(body: bytes) -> str:
    try:
        return _decode(body).code
    except msgspec.DecodeError:
        return ""


def _renumbered(column: "array[int]", theirs: dict[Key, int], ours: dict[Key, int]) -> list[int]:
    numbers = {number: ours.setdefault(key, len(ours)) for key, number in theirs.items()}
    return [numbers[number] for number in column]
