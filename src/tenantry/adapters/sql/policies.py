"""SLO classes and quotas in the database."""

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.directory import require_tenant
from tenantry.adapters.sql.tables import policies, quotas
from tenantry.admission import Policy, Quota
from tenantry.deployments.records import STARTERS, built_in, check_policy_name, no_such_policy
from tenantry.tenancy import TenantId

_policy = msgspec.json.Decoder(Policy)
_quota = msgspec.json.Decoder(Quota)


class SqlPolicies:
    """The port ``Policies`` over a database. Built-in classes have a row only where they were changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def policies(self) -> dict[str, Policy]:
        """See ``Policies.policies``."""
        with self._database.read() as connection:
            kept = {row.name: _policy.decode(row.body) for row in connection.execute(policies.select())}
        return dict(sorted((STARTERS | kept).items()))

    def policy(self, name: str) -> Policy:
        """See ``Policies.policy``."""
        with self._database.read() as connection:
            row = connection.execute(policies.select().where(policies.c.name == name)).one_or_none()
        if row is not None:
            return _policy.decode(row.body)
        if name in STARTERS:
            return STARTERS[name]
        raise no_such_policy(name)

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """See ``Policies.set_policy``."""
        values = {"name": check_policy_name(name), "body": msgspec.json.encode(policy).decode()}
        statement = self._database.insert(policies).values(values)
        with self._database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"body": values["body"]})
            )
        return policy

    def remove_policy(self, name: str) -> None:
        """See ``Policies.remove_policy``."""
        with self._database.write() as connection:
            if connection.execute(policies.delete().where(policies.c.name == name)).rowcount == 0:
                raise built_in(name) if name in STARTERS else no_such_policy(name)

    def quota(self, tenant: TenantId) -> Quota:
        """See ``Policies.quota``."""
        with self._database.read() as connection:
            require_tenant(connection, tenant)
            row = connection.execute(quotas.select().where(quotas.c.tenant == tenant)).one_or_none()
        return Quota() if row is None else _quota.decode(row.body)

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """See ``Policies.set_quota``."""
        body = msgspec.json.encode(quota).decode()
        statement = self._database.insert(quotas).values(tenant=tenant, body=body)
        with self._database.write() as connection:
            require_tenant(connection, tenant)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["tenant"], set_={"body": body})
            )
        return quota

    def quotas(self) -> dict[TenantId, Quota]:
        """See ``Policies.quotas``."""
        with self._database.read() as connection:
            listed = connection.execute(sa.select(quotas).order_by(quotas.c.tenant))
            return {TenantId(row.tenant): _quota.decode(row.body) for row in listed}
