"""How the figures of one model lie in a row of 64-bit floats, which hold counts exactly up to 2⁵³."""

BOUNDS: tuple[float, ...] = (
    *(round(step * 10.0**power, 6) for power in range(-4, 1) for step in (1.0, 1.6, 2.5, 4.0, 6.3)),
    10.0,
)
"""Upper bounds of the latency histogram in seconds: five a decade (the preferred numbers R5), 100 µs to 10 s."""

BUCKETS = len(BOUNDS) + 1
"""Cells of the histogram; the last counts what took longer than 10 s. They count requests that were answered well."""
CLIENT, SHED, SERVER = BUCKETS, BUCKETS + 1, BUCKETS + 2
"""Requests that failed: by the caller's fault, refused for want of room (429 and 503), by the server's fault."""
REQUESTS = BUCKETS + 3
"""All requests."""
ROWS, SECONDS = BUCKETS + 4, BUCKETS + 5
"""Rows that were scored, and seconds from arrival to reply, of the requests that were answered well."""
LAST = BUCKETS + 6
"""When the last request ended, in monotonic seconds."""
WIDTH = BUCKETS + 7


def _cell(status: int) -> int:
    if status in (429, 503):
        return SHED
    return CLIENT if status < 500 else SERVER


FAILED: tuple[int, ...] = tuple(_cell(status) for status in range(600))
"""HTTP status → the cell that counts it, for statuses from 400 on."""

OUTCOMES: tuple[tuple[str, int], ...] = (("client_error", CLIENT), ("shed", SHED), ("server_error", SERVER))
"""Names of the classes of failures, as they are told."""


def quantile(cells: "list[float] | tuple[float, ...]", share: float) -> float:
    """The latency (s) under which ``share`` of the answered requests stayed: the bound of the bucket that holds it.

    0.0 where nothing was answered; 10 s stands for all that took longer.
    """
    wanted = sum(cells[:BUCKETS]) * share
    seen = 0.0
    for bucket in range(BUCKETS):
        seen += cells[bucket]
        if seen >= wanted and seen > 0:
            return BOUNDS[min(bucket, len(BOUNDS) - 1)]
    return 0.0
