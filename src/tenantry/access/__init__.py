"""Who may do what.

Receives: names of tenants, secrets from requests. Hands on: tenants, keys (never their secrets), and yes or
no for a role and an action. Never knows: HTTP, where keys are kept (``adapters``), or what the actions do.
"""

from tenantry.access._directory import Directory
from tenantry.access._keys import (
    Key,
    Tenant,
    changed_attributes,
    check_attributes,
    check_key,
    digest_of,
    new_key,
    new_key_id,
    no_such_key,
    no_such_tenant,
)
from tenantry.access._roles import ACTIONS, Role, may, roles_that_may

__all__ = [
    "ACTIONS",
    "Directory",
    "Key",
    "Role",
    "Tenant",
    "changed_attributes",
    "check_attributes",
    "check_key",
    "digest_of",
    "may",
    "new_key",
    "new_key_id",
    "no_such_key",
    "no_such_tenant",
    "roles_that_may",
]
