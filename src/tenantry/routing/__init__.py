"""The endpoint table: everything that a scoring worker knows of the world, and which version answers a request.

Receives: an :class:`EndpointTable` that ``deployments`` built; a request's headers and parameters. Hands on: the same
table to every worker, whole or not at all, by numbered files and a pointer to them; a :class:`Decision`. Never knows:
databases, registries, or how a plan scores.
"""

from tenantry.routing.check import Unresolved, check_rules, rules_from, unresolved
from tenantry.routing.compiled import CompiledEndpoint
from tenantry.routing.decision import CHALLENGER, CHAMPION, DEFAULT, REQUESTED, Decision, Shadowed
from tenantry.routing.entries import DEFAULT_ALIAS, Endpoint, KeyEntry, Target, TenantEntry, VersionRef
from tenantry.routing.explain import Explanation, RuleStep, ShadowStep, explain
from tenantry.routing.store import (
    advance,
    current_stamp,
    last_number,
    load_current,
    next_number,
    prune,
    save,
)
from tenantry.routing.table import TABLE_FORMAT, EndpointTable

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "DEFAULT",
    "DEFAULT_ALIAS",
    "REQUESTED",
    "TABLE_FORMAT",
    "CompiledEndpoint",
    "Decision",
    "Endpoint",
    "EndpointTable",
    "Explanation",
    "KeyEntry",
    "RuleStep",
    "ShadowStep",
    "Shadowed",
    "Target",
    "TenantEntry",
    "Unresolved",
    "VersionRef",
    "advance",
    "check_rules",
    "current_stamp",
    "explain",
    "last_number",
    "load_current",
    "next_number",
    "prune",
    "rules_from",
    "save",
    "unresolved",
]
