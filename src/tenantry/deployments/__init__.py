"""From what is registered to what is served (B9, B12, B14).

Receives: the directory of keys, the registry's versions and aliases, the bundles behind them; rules, SLO classes,
quotas and settings of deployments, which it keeps. Hands on: a numbered endpoint table, published whole or as what
changed. Never knows: who reads it (``serving``), or why an alias moved (``workflows``).
"""

from tenantry.deployments.build import Sources
from tenantry.deployments.ports import Deployments, Policies, RolloutRules
from tenantry.deployments.publish import Publisher
from tenantry.deployments.records import STARTERS, Deployment, Export, RuleList, Runtime, Tags
from tenantry.deployments.routes import (
    Asked,
    Routes,
    RuleWarning,
    explain_route,
    platform_routes,
    put_platform_routes,
    put_routes,
    routes,
)
from tenantry.deployments.settings import (
    change_attributes,
    remove_policy,
    set_deployment,
    set_policy,
    set_quota,
    set_tags,
)
from tenantry.deployments.stores import DeploymentStores, Publishes

__all__ = [
    "STARTERS",
    "Asked",
    "Deployment",
    "DeploymentStores",
    "Deployments",
    "Export",
    "Policies",
    "Publisher",
    "Publishes",
    "RolloutRules",
    "Routes",
    "RuleList",
    "RuleWarning",
    "Runtime",
    "Sources",
    "Tags",
    "change_attributes",
    "explain_route",
    "platform_routes",
    "put_platform_routes",
    "put_routes",
    "remove_policy",
    "routes",
    "set_deployment",
    "set_policy",
    "set_quota",
    "set_tags",
]
