"""Prediction definitions in the database."""

import builtins

import msgspec

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.directory import require_tenant
from tenantry.adapters.sql.tables import definitions
from tenantry.apps import PredictionDefinition, no_such_definition
from tenantry.ports.clock import Clock, SystemClock
from tenantry.tenancy import TenantId, name_of


class SqlDefinitions:
    """The port ``Definitions`` over a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def save(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """See ``Definitions.save``."""
        body = msgspec.json.encode(definition).decode()
        values = {
            "tenant": tenant,
            "name": name_of(definition.name),
            "body": body,
            "updated": self._clock.now(),
        }
        statement = self._database.insert(definitions).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "name"],
            set_={name: statement.excluded[name] for name in ("body", "updated")},
        )
        with self._database.write() as connection:
            require_tenant(connection, tenant)
            connection.execute(statement)
        return definition

    def get(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """See ``Definitions.get``."""
        mine = definitions.select().where(definitions.c.tenant == tenant, definitions.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(mine).one_or_none()
        if row is None:
            raise no_such_definition(name)
        return msgspec.json.decode(row.body, type=PredictionDefinition)

    def list(self, tenant: TenantId) -> builtins.list[PredictionDefinition]:
        """See ``Definitions.list``."""
        mine = definitions.select().where(definitions.c.tenant == tenant).order_by(definitions.c.name)
        with self._database.read() as connection:
            return [
                msgspec.json.decode(row.body, type=PredictionDefinition) for row in connection.execute(mine)
            ]

    def delete(self, tenant: TenantId, name: str) -> None:
        """See ``Definitions.delete``."""
        mine = definitions.delete().where(definitions.c.tenant == tenant, definitions.c.name == name)
        with self._database.write() as connection:
            if connection.execute(mine).rowcount == 0:
                raise no_such_definition(name)
