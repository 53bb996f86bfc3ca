"""The endpoint table: everything that a scoring worker knows of the world.

Receives: an :class:`EndpointTable` that ``deployments`` built. Hands on: the same table to every worker,
whole or not at all, by a numbered file and a pointer to it. Never knows: databases, registries, or how a plan
scores.
"""

from tenantry.routing.store import current_stamp, load_current, next_number, prune, save
from tenantry.routing.table import (
    DEFAULT_ALIAS,
    TABLE_FORMAT,
    Endpoint,
    EndpointTable,
    KeyEntry,
    Target,
    TenantEntry,
    VersionRef,
)

__all__ = [
    "DEFAULT_ALIAS",
    "TABLE_FORMAT",
    "Endpoint",
    "EndpointTable",
    "KeyEntry",
    "Target",
    "TenantEntry",
    "VersionRef",
    "current_stamp",
    "load_current",
    "next_number",
    "prune",
    "save",
]
