"""Model versions and the aliases that say which of them is used.

Receives: the digest of a complete bundle, its parity receipt, and the snapshot that it was learnt from. Hands
on: immutable, numbered versions, aliases with their history, lineage. Never knows: what is in a bundle, who
asks, or how a version is served (``deployments``).
"""

from tenantry.registry._registry import (
    CHALLENGER,
    CHAMPION,
    AliasChange,
    BundleCheck,
    Model,
    Registry,
    Version,
    alias_moved,
    bundle_incomplete,
    check_alias,
    check_receipt,
    earlier_number,
    no_such_alias,
    no_such_model,
    no_such_version,
    ref_number,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "AliasChange",
    "BundleCheck",
    "Model",
    "Registry",
    "Version",
    "alias_moved",
    "bundle_incomplete",
    "check_alias",
    "check_receipt",
    "earlier_number",
    "no_such_alias",
    "no_such_model",
    "no_such_version",
    "ref_number",
]
