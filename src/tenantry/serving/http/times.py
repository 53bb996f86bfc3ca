"""Times that connections must keep, looked at by one timer for all of them."""

from tenantry.errors import InvalidRequest
from tenantry.serving.http.common import Common
from tenantry.serving.http.connection import Connection
from tenantry.serving.http.intake import BODY, HEAD, IDLE, PLAIN


def look(common: Common) -> dict[str, int]:
    """Cut off who is late; returns how many, by reason."""
    late: dict[str, int] = {}
    connection: Connection
    for connection in list(common.connections):
        reason = _writing(connection, common) or _reading(connection, common)
        if reason:
            late[reason] = late.get(reason, 0) + 1
    stalled = _stalled(common)
    if stalled:
        late["answers not read"] = late.get("answers not read", 0) + stalled
    return late


def _writing(connection: Connection, common: Common) -> str:
    """A caller that takes no byte of its answers, or does not let the connection end."""
    now, bounds = common.now, common.bounds
    if connection.ended_at is not None:
        flushed = not connection.transport.get_write_buffer_size()
        if now - connection.ended_at > (bounds.linger_seconds if flushed else bounds.write_seconds):
            connection.transport.abort()
        return ""
    if connection.writable:
        return ""
    unsent = connection.transport.get_write_buffer_size()
    if unsent < connection.unsent:
        connection.writable_since = now
    connection.unsent = unsent
    if now - connection.writable_since <= bounds.write_seconds:
        return ""
    connection.transport.abort()
    return "answers not read"


def _reading(connection: Connection, common: Common) -> str:
    """A request that does not come, or not in time."""
    bounds, limits = common.bounds, common.limits
    intake = connection.intake
    waited = common.now - intake.since
    if connection.ended_at is not None or intake.kept:
        return ""
    if intake.stage == HEAD and waited > bounds.head_seconds:
        seconds = f"{bounds.head_seconds:g} seconds"
        intake.stop(dropped=True)
        connection.broken(InvalidRequest("head_slow", f"the request's head took over {seconds} to arrive"))
        connection.settle()
        return "slow head"
    if intake.stage in (BODY, PLAIN) and waited > limits.body_seconds:
        seconds = f"{limits.body_seconds:g} seconds"
        connection.fail(InvalidRequest("body_slow", f"the body took over {seconds} to arrive"))
        connection.settle()
        return "slow body"
    allowed = bounds.idle_seconds if connection.served else bounds.head_seconds
    if intake.stage == IDLE and not connection.waiting and waited > allowed:
        connection.drain()
        return "" if connection.served else "no request"
    return ""


def _stalled(common: Common) -> int:
    """Answers that nobody reads count against what a worker may hold: beyond it, the largest heaps go first."""
    stalled = sorted(
        (one for one in common.connections if not one.writable and one.unsent), key=lambda one: one.unsent
    )
    over = sum(one.unsent for one in stalled) - common.limits.held_bytes
    cut = 0
    while over > 0 and stalled:
        worst = stalled.pop()
        over -= worst.unsent
        worst.transport.abort()
        cut += 1
    return cut
