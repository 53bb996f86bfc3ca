"""Deployments' settings and the platform's rules in the database."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.tables import (
    PLATFORM,
    deployments,
    models,
    platform_rules,
    version_exports,
    version_tags,
    versions,
)
from tenantry.deployments.records import (
    Deployment,
    Export,
    RuleList,
    Runtime,
    check_policy_name,
    check_tags,
    next_rules,
)
from tenantry.registry import no_such_model, no_such_version
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

_rules = msgspec.json.Decoder(tuple[Rule, ...])
_tags = msgspec.json.Decoder(dict[str, str])
_Place = tuple[str, str]


class SqlDeployments:
    """The port ``Deployments`` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """See ``Deployments.deployment``."""
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            return _deployment(connection, tenant, model)

    def all_deployments(self, tenant: TenantId | None = None) -> list[Deployment]:
        """See ``Deployments.all_deployments``."""
        with self._database.read() as connection:
            return _deployments(connection, tenant, None)

    def set_rules(
        self, tenant: TenantId, model: str, rules: tuple[Rule, ...], *, expected: int | None = None
    ) -> Deployment:
        """See ``Deployments.set_rules``."""
        with self._database.write() as connection:
            _require_model(connection, tenant, model, lock=True)
            known = _deployment(connection, tenant, model)
            routes = next_rules(known.routes, rules, expected)
            return self._save(connection, known, routes=routes)

    def configure(
        self,
        tenant: TenantId,
        model: str,
        *,
        policy: str | None = None,
        pinned: bool | None = None,
        runtime: Runtime | None = None,
    ) -> Deployment:
        """See ``Deployments.configure``."""
        if policy is not None:
            check_policy_name(policy)
        given = {"policy": policy, "pinned": pinned, "runtime": runtime}
        changes = {name: value for name, value in given.items() if value is not None}
        with self._database.write() as connection:
            _require_model(connection, tenant, model, lock=True)
            return self._save(connection, _deployment(connection, tenant, model), **changes)

    def set_tags(self, tenant: TenantId, model: str, number: int, tags: dict[str, str]) -> Deployment:
        """See ``Deployments.set_tags``."""
        body = _json(check_tags(tags))
        return self._set_of_version(version_tags, tenant, model, number, {"tags": body})

    def set_export(self, tenant: TenantId, model: str, number: int, export: Export) -> Deployment:
        """See ``Deployments.set_export``."""
        return self._set_of_version(version_exports, tenant, model, number, msgspec.structs.asdict(export))

    def platform_rules(self) -> RuleList:
        """See ``Deployments.platform_rules``."""
        with self._database.read() as connection:
            return _platform(connection)

    def set_platform_rules(self, rules: tuple[Rule, ...], *, expected: int | None = None) -> RuleList:
        """See ``Deployments.set_platform_rules``."""
        with self._database.write() as connection:
            # The row is there before it is read, so that it can be locked where the database has row locks.
            made = self._database.insert(platform_rules).values(id=PLATFORM, rules="[]", revision=0)
            connection.execute(made.on_conflict_do_nothing())
            routes = next_rules(_platform(connection, lock=True), rules, expected)
            values = {"rules": _json(routes.rules), "revision": routes.revision}
            connection.execute(platform_rules.update().where(platform_rules.c.id == PLATFORM).values(values))
            return routes

    def _save(self, connection: sa.Connection, known: Deployment, **changes: Any) -> Deployment:
        fresh = msgspec.structs.replace(known, **changes)
        values = {
            "policy": fresh.policy,
            "pinned": fresh.pinned,
            "runtime": fresh.runtime,
            "rules": _json(fresh.routes.rules),
            "revision": fresh.routes.revision,
        }
        statement = self._database.insert(deployments)
        statement = statement.values(tenant=fresh.tenant, model=fresh.model, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "model"], set_=values))
        return fresh

    def _set_of_version(
        self, table: sa.Table, tenant: TenantId, model: str, number: int, values: dict[str, Any]
    ) -> Deployment:
        place = {"tenant": tenant, "model": model, "number": number}
        statement = self._database.insert(table).values(**place, **values)
        statement = statement.on_conflict_do_update(index_elements=list(place), set_=values)
        with self._database.write() as connection:
            _require_model(connection, tenant, model, lock=True)
            mine = _of(versions, tenant, model) & (versions.c.number == number)
            if connection.execute(sa.select(versions.c.number).where(mine)).first() is None:
                raise no_such_version(model, number)
            connection.execute(statement)
            return _deployment(connection, tenant, model)


def _of(table: sa.Table, tenant: TenantId | None, model: str | None) -> sa.ColumnElement[bool]:
    """One model's rows, one tenant's, or all."""
    conditions = [] if tenant is None else [table.c.tenant == tenant]
    if model is not None:
        conditions.append(table.c.model == model)
    return sa.and_(sa.true(), *conditions)


def _require_model(connection: sa.Connection, tenant: TenantId, model: str, *, lock: bool = False) -> None:
    mine = sa.select(models.c.name).where(models.c.tenant == tenant, models.c.name == model)
    if connection.execute(mine.with_for_update() if lock else mine).first() is None:
        raise no_such_model(model)


def _deployment(connection: sa.Connection, tenant: TenantId, model: str) -> Deployment:
    found = _deployments(connection, tenant, model)
    return found[0] if found else Deployment(tenant=tenant, model=model)


def _deployments(connection: sa.Connection, tenant: TenantId | None, model: str | None) -> list[Deployment]:
    """Three queries, however many there are."""
    set_ = connection.execute(deployments.select().where(_of(deployments, tenant, model)))
    settings = {(row.tenant, row.model): row for row in set_}
    tags: dict[_Place, dict[str, dict[str, str]]] = {}
    for row in connection.execute(_in_order(version_tags, tenant, model)):
        tags.setdefault((row.tenant, row.model), {})[str(row.number)] = _tags.decode(row.tags)
    exports: dict[_Place, dict[str, Export]] = {}
    for row in connection.execute(_in_order(version_exports, tenant, model)):
        export = Export(sha256=row.sha256, size=row.size)
        exports.setdefault((row.tenant, row.model), {})[str(row.number)] = export
    return [
        _made(place, settings.get(place), tags.get(place, {}), exports.get(place, {}))
        for place in sorted({*settings, *tags, *exports})
    ]


def _in_order(table: sa.Table, tenant: TenantId | None, model: str | None) -> sa.Select[Any]:
    return table.select().where(_of(table, tenant, model)).order_by(table.c.number)


def _made(
    place: _Place, row: sa.Row[Any] | None, tags: dict[str, dict[str, str]], exports: dict[str, Export]
) -> Deployment:
    fresh = Deployment(tenant=TenantId(place[0]), model=place[1], tags=tags, exports=exports)
    if row is None:
        return fresh
    return msgspec.structs.replace(
        fresh,
        policy=row.policy,
        pinned=row.pinned,
        runtime=row.runtime,
        routes=RuleList(revision=row.revision, rules=_rules.decode(row.rules)),
    )


def _platform(connection: sa.Connection, *, lock: bool = False) -> RuleList:
    mine = platform_rules.select().where(platform_rules.c.id == PLATFORM)
    row = connection.execute(mine.with_for_update() if lock else mine).one_or_none()
    return RuleList() if row is None else RuleList(revision=row.revision, rules=_rules.decode(row.rules))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
