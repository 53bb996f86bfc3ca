"""How much one request, and one worker, may take."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one scoring worker; each is refused with a clear error, none by a crash."""

    body_bytes: int = 32 << 20
    """Most bytes of a request's body, as sent and as decompressed."""
    held_bytes: int = 256 << 20
    """Most bytes of bodies in parts that one worker holds at a time, over all requests."""
    rows: int = 65_536
    """Most rows of one request."""
    explained_rows: int = 4_096
    """Most rows of one request that asks for reasons, which cost about ten times a score."""
    reasons: int = 50
    """Most reasons per row."""
    slice_rows: int = 256
    """Rows that are scored before other requests get their turn."""
    explained_slice_rows: int = 8
    """The same where reasons are asked for."""
    body_seconds: float = 30.0
    """Longest time that a body may take to arrive."""
    drain_seconds: int = 20
    """How long a stopping worker waits for its requests in flight."""
