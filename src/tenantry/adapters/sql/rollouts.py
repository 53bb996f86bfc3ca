"""Rollouts in the database: each record as a whole, changed in a transaction that holds its row."""

import builtins
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.tables import RUNNING, models, rollout_folds, rollout_rewards, rollouts
from tenantry.deployments.rollouts import (
    Change,
    ObservedReward,
    Rollout,
    no_such_rollout,
    rollout_running,
)
from tenantry.deployments.rollouts_fold import rewarded
from tenantry.ports.clock import Clock, SystemClock
from tenantry.registry import no_such_model
from tenantry.tenancy import TenantId

_decode = msgspec.json.Decoder(Rollout).decode


class SqlRollouts:
    """The port ``Rollouts`` over a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def start(self, rollout: Rollout) -> Rollout:
        """See ``Rollouts.start``."""
        values = {"id": rollout.id, "tenant": rollout.tenant, "model": rollout.model, **_columns(rollout)}
        with self._database.write() as connection:
            _require_model(connection, rollout.tenant, rollout.model, lock=True)
            mine = rollouts.select().where(_of(rollout.tenant, rollout.model), rollouts.c.state == RUNNING)
            if connection.execute(mine).first() is not None:
                raise rollout_running(rollout.model)
            connection.execute(rollouts.insert().values(values))
        return rollout

    def get(self, tenant: TenantId, model: str, rollout: str) -> Rollout:
        """See ``Rollouts.get``."""
        mine = sa.select(rollouts.c.body).where(_of(tenant, model), rollouts.c.id == rollout)
        with self._database.read() as connection:
            body = connection.execute(mine).scalar()
        if body is None:
            raise no_such_rollout(rollout)
        return _decode(body)

    def list(self, tenant: TenantId, model: str) -> builtins.list[Rollout]:
        """See ``Rollouts.list``."""
        mine = sa.select(rollouts.c.body).where(_of(tenant, model)).order_by(rollouts.c.seq.desc())
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            return [_decode(body) for body in connection.execute(mine).scalars()]

    def running(self, tenant: TenantId | None = None, model: str | None = None) -> Sequence[Rollout]:
        """See ``Rollouts.running``."""
        mine = sa.select(rollouts.c.body).where(rollouts.c.state == RUNNING)
        if tenant is not None:
            mine = mine.where(rollouts.c.tenant == tenant)
        if model is not None:
            mine = mine.where(rollouts.c.model == model)
        with self._database.read() as connection:
            found = connection.execute(mine.order_by(rollouts.c.tenant, rollouts.c.model)).scalars()
            return [_decode(body) for body in found]

    def apply(self, changes: Mapping[str, Change], *, once: str | None = None) -> dict[str, Rollout]:
        """See ``Rollouts.apply``."""
        found: dict[str, Rollout] = {}
        with self._database.write() as connection:
            if once is not None:
                mark = self._database.insert(rollout_folds).values(name=once, at=self._clock.now())
                mark = mark.on_conflict_do_nothing().returning(rollout_folds.c.name)
                if connection.execute(mark).first() is None:
                    return {}
            # In the order of the ids: two that change the same rollouts wait for one another, and never in a circle.
            for rollout, change in sorted(changes.items()):
                changed = _change(connection, rollout, change)
                if changed is not None:
                    found[rollout] = changed
        return found

    def reward(self, rollout: str, rewards: Sequence[ObservedReward]) -> int:
        """See ``Rollouts.reward``."""
        with self._database.write() as connection:
            if _locked(connection, rollout) is None:
                return 0
            requests = list(dict.fromkeys(one.request_id for one in rewards if one.request_id is not None))
            fresh = self._remembered(connection, rollout, requests)
            new = []
            for one in rewards:
                if one.request_id is None or one.request_id in fresh:
                    new.append(one)
                    fresh.discard(one.request_id)
            if new:
                _change(connection, rollout, lambda now: rewarded(now, new))
        return len(new)

    def _remembered(
        self, connection: sa.Connection, rollout: str, requests: builtins.list[str]
    ) -> set[str | None]:
        """Write the requests down; returns those that were not yet."""
        if not requests:
            return set()
        seen = self._database.insert(rollout_rewards).on_conflict_do_nothing()
        rows = [{"rollout": rollout, "request": request} for request in requests]
        return set(connection.execute(seen.returning(rollout_rewards.c.request), rows).scalars())

    def forget(self, before: float) -> None:
        """See ``Rollouts.forget``."""
        ended = sa.select(rollouts.c.id).where(rollouts.c.ended < before)
        with self._database.write() as connection:
            connection.execute(rollout_folds.delete().where(rollout_folds.c.at < before))
            connection.execute(rollout_rewards.delete().where(rollout_rewards.c.rollout.in_(ended)))


def _of(tenant: TenantId, model: str) -> sa.ColumnElement[bool]:
    return sa.and_(rollouts.c.tenant == tenant, rollouts.c.model == model)


def _columns(rollout: Rollout) -> dict[str, object]:
    """What of a record stands in columns of its own, and all of it."""
    return {
        "state": rollout.state.value,
        "ended": rollout.ended,
        "body": msgspec.json.encode(rollout).decode(),
    }


def _locked(connection: sa.Connection, rollout: str) -> Rollout | None:
    """A running rollout; its row stays this transaction's."""
    mine = sa.select(rollouts.c.body).where(rollouts.c.id == rollout, rollouts.c.state == RUNNING)
    body = connection.execute(mine.with_for_update()).scalar()
    return None if body is None else _decode(body)


def _change(connection: sa.Connection, rollout: str, change: Change) -> Rollout | None:
    now = _locked(connection, rollout)
    if now is None:
        return None
    changed = change(now)
    if changed is not now:
        connection.execute(rollouts.update().where(rollouts.c.id == rollout).values(_columns(changed)))
    return changed


def _require_model(connection: sa.Connection, tenant: TenantId, model: str, *, lock: bool = False) -> None:
    mine = sa.select(models.c.name).where(models.c.tenant == tenant, models.c.name == model)
    if connection.execute(mine.with_for_update() if lock else mine).first() is None:
        raise no_such_model(model)
