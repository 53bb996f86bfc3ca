"""Rows of schedules. Each function runs in its caller's transaction."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.tables import schedules
from tenantry.ports.jobs import Schedule, check_schedule, due_key, next_due, no_such_schedule
from tenantry.tenancy import TenantId


def put(database: Database, connection: sa.Connection, schedule: Schedule, now: float) -> Schedule:
    """Create or replace; a replacement with the same times keeps a due time that is still to be served."""
    check_schedule(schedule)
    old = next(
        (found for found in of_tenant(connection, schedule.tenant) if found.name == schedule.name), None
    )
    same = old is not None and _times(old) == _times(schedule)
    due_at = old.next_due if old is not None and same else next_due(schedule, now)
    kept = msgspec.structs.replace(schedule, next_due=due_at)
    values = msgspec.structs.asdict(kept) | {"payload": msgspec.json.encode(kept.payload).decode()}
    statement = database.insert(schedules).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in {"tenant", "name"}}
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "name"], set_=changed))
    return kept


def remove(connection: sa.Connection, tenant: TenantId, name: str) -> None:
    """Raises ``NotFound``."""
    mine = schedules.delete().where(schedules.c.tenant == tenant, schedules.c.name == name)
    if connection.execute(mine).rowcount == 0:
        raise no_such_schedule(name)


def of_tenant(connection: sa.Connection, tenant: TenantId) -> list[Schedule]:
    """By name."""
    mine = schedules.select().where(schedules.c.tenant == tenant).order_by(schedules.c.name)
    return [_schedule_of(row) for row in connection.execute(mine)]


def due(connection: sa.Connection, now: float) -> list[Schedule]:
    """Those whose time has come, longest overdue first."""
    chosen = schedules.select().where(schedules.c.next_due <= now)
    return [
        _schedule_of(row)
        for row in connection.execute(
            chosen.order_by(schedules.c.next_due, schedules.c.tenant, schedules.c.name)
        )
    ]


def advance(connection: sa.Connection, schedule: Schedule, now: float) -> str:
    """Move a due schedule to its next time; returns the idempotency key of the time that is now served."""
    later = next_due(schedule, now)
    mine = sa.and_(schedules.c.tenant == schedule.tenant, schedules.c.name == schedule.name)
    connection.execute(schedules.update().where(mine).values(next_due=later))
    return due_key(schedule, later - schedule.every_seconds)


def _times(schedule: Schedule) -> tuple[int, int]:
    return schedule.every_seconds, schedule.offset_seconds


def _schedule_of(row: sa.Row[Any]) -> Schedule:
    return Schedule(
        tenant=row.tenant,
        name=row.name,
        kind=row.kind,
        payload=msgspec.json.decode(row.payload),
        every_seconds=row.every_seconds,
        offset_seconds=row.offset_seconds,
        next_due=row.next_due,
    )
