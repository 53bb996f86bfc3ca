"""Requests made ready: a head for each target and a pool of bodies, joined when they are sent."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.loadtest.targets import Target

PREDICT, INFER = "/predict/{model}", "/v2/models/{model}/infer"
"""The paths that score: records, and tensors of the Open Inference Protocol."""


class Address(NamedTuple):
    """Where a server is. ``host_header`` is what requests say."""

    host: str
    port: int
    tls: bool
    host_header: str
    prefix: str


def address_of(url: str) -> Address:
    """The parts of a scoring API's address. Raises ``InvalidRequest("load_url")``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest("load_url", f"{url!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest("load_url", f"{url!r} is no http:// or https:// address")
    tls = parts.scheme == "https"
    return Address(parts.hostname, port or (443 if tls else 80), tls, parts.netloc, parts.path.rstrip("/"))


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may be sent: request (t, i) is ``heads[t] + tails[first + i % count]`` with the span of t.

    Plain values, so that several processes can send the same.
    """

    targets: tuple[Target, ...]
    heads: tuple[bytes, ...]
    tails: tuple[bytes, ...]
    spans: tuple[tuple[int, int], ...]

    def raw(self, target: int, pick: int) -> bytes:
        """The bytes of one request."""
        first, count = self.spans[target]
        return self.heads[target] + self.tails[first + pick % count]


def tail_of(body: bytes) -> bytes:
    """A request's end: its length, the empty line, the body."""
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def assemble(url: str, pairs: Sequence[tuple[Target, Sequence[bytes]]], *, path: str = PREDICT) -> Requests:
    """Requests for targets and their bodies; targets that share a list of bodies share it in memory too.

    ``path`` has the model's name in braces. Raises ``InvalidRequest("load_targets")`` where there is nothing to send.
    """
    address = address_of(url)
    if not pairs or not all(bodies for _, bodies in pairs):
        raise InvalidRequest("load_targets", "there is no target, or one without a body")
    tails: list[bytes] = []
    pools: dict[int, tuple[int, int]] = {}
    spans = []
    for _, bodies in pairs:
        span = pools.get(id(bodies))
        if span is None:
            span = pools[id(bodies)] = (len(tails), len(bodies))
            tails += [tail_of(body) for body in bodies]
        spans.append(span)
    heads = [
        target.head(
            address.host_header, address.prefix + path.replace("{model}", quote(target.model, safe=""))
        )
        for target, _ in pairs
    ]
    return Requests(
        targets=tuple(target for target, _ in pairs),
        heads=tuple(heads),
        tails=tuple(tails),
        spans=tuple(spans),
    )
