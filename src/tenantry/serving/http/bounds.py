"""Bounds on what a caller may send, and on how long it may take, before its request is even a request."""

import msgspec

MAX_TARGET_BYTES = 8 << 10
MAX_HEADER_BYTES = 32 << 10
MAX_HEADERS = 100
HEAD_SECONDS = 15.0
"""Longest time from a connection, or from a request's first byte, to the end of its headers."""
IDLE_SECONDS = 75.0
"""How long an idle connection is kept: longer than the 60 s of common proxies, so that they close first."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the own HTTP edge bounds beside :class:`tenantry.serving.Limits`; times are in seconds."""

    target_bytes: int = MAX_TARGET_BYTES
    header_bytes: int = MAX_HEADER_BYTES
    """One request's headers, as they are sent."""
    headers: int = MAX_HEADERS
    head_seconds: float = HEAD_SECONDS
    idle_seconds: float = IDLE_SECONDS
    write_seconds: float = 30.0
    """How long a caller may take no byte of an answer that waits for it."""
    linger_seconds: float = 2.0
    """How long what a caller still sends is read and dropped, so that it gets to read why it was refused."""
    discard_bytes: int = 256 << 10
    """Most bytes of a refused request's body that are read and dropped to keep the connection."""
    pipeline: int = 32
    """Most requests of one connection that wait for their answers; beyond, the connection is not read."""
    pipeline_bytes: int = 1 << 20
    """Most bytes of such requests' bodies before the next one is not read."""
    connections: int = 16_384
    """Most connections of one worker; who comes beyond them gets 503."""
    tick_seconds: float = 0.5
    """How often times are looked at; all of the above are kept to within one tick."""
