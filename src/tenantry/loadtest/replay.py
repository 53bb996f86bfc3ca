"""A recorded inference log as traffic: the same requests, in the same gaps (or faster), to the same tenants."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.loadtest.requests import INFER, PREDICT, Requests, address_of, tail_of
from tenantry.loadtest.shape import Due
from tenantry.loadtest.targets import Target
from tenantry.predictions import LoggedRequest

MOST_CALLS = 2_000_000


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded request in JSON lines; fields that are not named here are left alone.

    ``time``: seconds since the epoch, or an ISO 8601 time (UTC where it names no zone); ``body``: what was sent, as
    JSON or as JSON in a string; ``format``: ``json-records`` or ``oip-json``.
    """

    time: float | str
    tenant: str
    deployment: str
    body: Any
    format: Literal["json-records", "oip-json"] = "json-records"


class Call(NamedTuple):
    """One recorded request. ``time`` in seconds since the epoch; ``format`` as the inference log has it."""

    time: float
    tenant: str
    model: str
    body: bytes
    format: str = "json-records"
    header_length: int | None = None

    @property
    def tail(self) -> bytes:
        """The end of the request, from its length on."""
        if self.header_length is None:
            return tail_of(self.body)
        return b"Inference-Header-Content-Length: %d\r\n" % self.header_length + tail_of(self.body)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded traffic: when (seconds after the first, ascending), to which target, with which body."""

    offsets: tuple[float, ...]
    targets: tuple[int, ...]
    picks: tuple[int, ...]

    def due(self) -> Iterator[Due]:
        """The requests in order."""
        return map(Due, self.offsets, self.targets, self.picks)

    @property
    def seconds(self) -> float:
        """How long the traffic lasts: a little more than to its last request."""
        return self.offsets[-1] + 0.001 if self.offsets else 0.0

    def part(self, number: int, of: int) -> "Recorded":
        """Every ``of``-th request, for one process of several."""
        return Recorded(
            offsets=self.offsets[number::of], targets=self.targets[number::of], picks=self.picks[number::of]
        )


def read_log(file: Path, limit: int = MOST_CALLS) -> list[Call]:
    """The requests of a log in JSON lines, in order of time.

    Raises ``InvalidRequest("load_replay")`` that names the line.
    """
    decoder = msgspec.json.Decoder(LogLine)
    calls: list[Call] = []
    number = 0
    try:
        with file.open("rb") as opened:
            for line in opened:
                number += 1
                if line.strip():
                    calls.append(_call(decoder.decode(line)))
                if len(calls) > limit:
                    raise InvalidRequest("load_replay", f"{file} has more than {limit:,} requests")
    except OSError as error:
        raise InvalidRequest("load_replay", f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidRequest("load_replay", f"{file.name}, line {number}: {error}") from error
    if not calls:
        raise InvalidRequest("load_replay", f"{file} holds no request")
    return sorted(calls, key=lambda call: call.time)


def calls_of(log: Iterable[LoggedRequest], limit: int = MOST_CALLS) -> list[Call]:
    """The requests of an inference log, in order of time, at most ``limit``."""
    calls = [
        Call(one.time, one.tenant, one.deployment, one.body, one.format, one.header_length)
        for one in islice(log, limit)
    ]
    return sorted(calls, key=lambda call: call.time)


def replay(
    url: str, calls: Sequence[Call], targets: Iterable[Target], *, speed: float = 1.0
) -> tuple[Requests, Recorded]:
    """Traffic from a log, ``speed`` times as fast as it was recorded; each request goes to the path of its format, and
    the server's rules choose the version anew.

    Raises ``InvalidRequest("load_targets")`` where a recorded tenant or deployment has no target.
    """
    address = address_of(url)
    known = _used(calls, {(target.tenant, target.model): target for target in targets})
    tails: dict[tuple[str, str, bool], list[bytes]] = {}
    for call in calls:
        tails.setdefault(_place(call), []).append(call.tail)
    first, spans, heads = 0, [], []
    for (tenant, model, infer), own in tails.items():
        path = (INFER if infer else PREDICT).replace("{model}", quote(model, safe=""))
        heads.append(known[tenant, model].head(address.host_header, address.prefix + path))
        spans.append((first, len(own)))
        first += len(own)
    numbers = {place: number for number, place in enumerate(tails)}
    wanted = [numbers[_place(call)] for call in calls]
    requests = Requests(
        targets=tuple(known[tenant, model] for tenant, model, _ in tails),
        heads=tuple(heads),
        tails=tuple(tail for own in tails.values() for tail in own),
        spans=tuple(spans),
    )
    recorded = Recorded(
        offsets=tuple((call.time - calls[0].time) / speed for call in calls),
        targets=tuple(wanted),
        picks=tuple(_turns(wanted)),
    )
    return requests, recorded


def _place(call: Call) -> tuple[str, str, bool]:
    return call.tenant, call.model, call.format != "json-records"


def _turns(targets: Iterable[int]) -> Iterator[int]:
    """How often each target came before."""
    seen: dict[int, int] = {}
    for target in targets:
        seen[target] = seen.get(target, -1) + 1
        yield seen[target]


def _used(calls: Iterable[Call], known: Mapping[tuple[str, str], Target]) -> dict[tuple[str, str], Target]:
    pairs = dict.fromkeys((call.tenant, call.model) for call in calls)
    missing = [f"{tenant}/{model}" for tenant, model in pairs if (tenant, model) not in known]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InvalidRequest(
            "load_targets", f"the log has requests for {', '.join(missing[:3])}{more}, but no key for them"
        )
    return {pair: known[pair] for pair in pairs}


def _call(line: LogLine) -> Call:
    body = line.body.encode() if isinstance(line.body, str) else msgspec.json.encode(line.body)
    return Call(_seconds(line.time), line.tenant, line.deployment, body, line.format)


def _seconds(moment: float | str) -> float:
    if not isinstance(moment, str):
        return float(moment)
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
