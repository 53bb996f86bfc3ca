"""From what is registered to what is served (B9, B12, B14).

Receives: the directory of keys, the registry's versions and aliases, the bundles behind them. Hands on: a
numbered endpoint table, published whole. Never knows: who reads it (``serving``), or why an alias moved
(``workflows``).
"""

from tenantry.deployments.build import Sources
from tenantry.deployments.ports import Deployments, Policies, RolloutRules
from tenantry.deployments.publish import Publisher
from tenantry.deployments.records import STARTERS, Deployment, Export, RuleList, Runtime

__all__ = [
    "STARTERS",
    "Deployment",
    "Deployments",
    "Export",
    "Policies",
    "Publisher",
    "RolloutRules",
    "RuleList",
    "Runtime",
    "Sources",
]
