"""A recorded inference log as traffic: the same requests, in the same gaps (or faster), to the same tenants."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.loadtest.requests import Requests, assemble
from tenantry.loadtest.shape import Due
from tenantry.loadtest.targets import Target


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded request; fields that are not named here are left alone.

    ``time``: seconds since the epoch, or an ISO 8601 time (UTC where it names no zone); ``body``: the record or list of
    records, as JSON or as JSON in a string.
    """

    time: float | str
    tenant: str
    deployment: str
    body: Any


class Call(NamedTuple):
    """One recorded request, decoded. ``time`` in seconds since the epoch."""

    time: float
    tenant: str
    model: str
    body: bytes


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


def read_log(file: Path, limit: int = 2_000_000) -> list[Call]:
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


def replay(
    url: str,
    calls: Sequence[Call],
    targets: Iterable[Target],
    *,
    speed: float = 1.0,
    path: str = "/predict/{model}",
) -> tuple[Requests, Recorded]:
    """Traffic from a log, ``speed`` times as fast as it was recorded.

    Raises ``InvalidRequest("load_targets")`` where a recorded tenant or deployment has no target.
    """
    known = {(target.tenant, target.model): target for target in targets}
    used = _used(calls, known)
    bodies: dict[tuple[str, str], list[bytes]] = {pair: [] for pair in used}
    numbers = {pair: number for number, pair in enumerate(used)}
    offsets, wanted, picks = [], [], []
    for call in calls:
        own = bodies[call.tenant, call.model]
        offsets.append((call.time - calls[0].time) / speed)
        wanted.append(numbers[call.tenant, call.model])
        picks.append(len(own))
        own.append(call.body)
    requests = assemble(url, [(target, bodies[pair]) for pair, target in used.items()], path=path)
    return requests, Recorded(offsets=tuple(offsets), targets=tuple(wanted), picks=tuple(picks))


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
    return Call(_seconds(line.time), line.tenant, line.deployment, body)


def _seconds(moment: float | str) -> float:
    if not isinstance(moment, str):
        return float(moment)
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
