"""Roles and the one table of what each may do (B20). What is not in the table is denied."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a key is for. An operator key belongs to no tenant, and may act for any; all others belong to one."""

    OPERATOR = "operator"
    ADMIN = "admin"
    BUILDER = "builder"
    SCORER = "scorer"
    VIEWER = "viewer"


_VIEW = frozenset({"data:read", "models:read", "jobs:read"})
_BUILD = _VIEW | {"data:write", "models:write", "jobs:write", "score"}
_ADMINISTER = _BUILD | {"keys:read", "keys:write", "tenants:read"}

_MAY: Mapping[Role, frozenset[str]] = {
    Role.VIEWER: _VIEW,
    Role.SCORER: frozenset({"score"}),
    Role.BUILDER: _BUILD,
    Role.ADMIN: _ADMINISTER,
    Role.OPERATOR: _ADMINISTER | {"tenants:write", "metrics:read"},
}

ACTIONS: frozenset[str] = frozenset[str]().union(*_MAY.values())
"""Every action that the table knows. ``score`` covers metadata and readiness of the scoring API; definitions
count as models, schedules as jobs; ``tenants:read`` shows an admin its own tenant only; ``metrics:read`` shows the
figures of all tenants.
"""


def may(role: Role | str, action: str) -> bool:
    """Whether the role may do the action; an unknown role or action may not.

    >>> may(Role.BUILDER, "models:write"), may(Role.SCORER, "models:write"), may("root", "score")
    (True, False, False)
    """
    try:
        return action in _MAY[Role(role)]
    except ValueError:
        return False


def roles_that_may(action: str) -> tuple[Role, ...]:
    """The roles that may do the action, for the message of a refusal; weakest first."""
    order = (Role.SCORER, Role.VIEWER, Role.BUILDER, Role.ADMIN, Role.OPERATOR)
    return tuple(role for role in order if action in _MAY[role])
