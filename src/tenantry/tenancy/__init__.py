"""Who owns a thing. Receives: names from credentials and operators. Hands on: ``TenantId``, checked once at the edge.
Never knows: keys, roles, storage.
"""

import re
from typing import NewType

from tenantry.errors import InvalidRequest

__all__ = ["TenantId", "name_of", "tenant_id"]

TenantId = NewType("TenantId", str)
"""A tenant's name: lower-case letters, digits and hyphens, 1–63 characters, as in a host name (RFC 1123 label)."""

_TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")


def tenant_id(text: str) -> TenantId:
    """Check and type a tenant's name. Raises ``InvalidRequest("tenant_name")``."""
    if not _TENANT.fullmatch(text):
        raise InvalidRequest("tenant_name", f"{text!r} is not a tenant name")
    return TenantId(text)


def name_of(text: str) -> str:
    """Check the name of a prediction, data set or alias. Raises ``InvalidRequest("bad_name")``.

    Letters, digits, ``.``, ``_`` and ``-``; never a slash, since stock v2 clients do not escape it (protocols.md).
    """
    if not _NAME.fullmatch(text):
        raise InvalidRequest("bad_name", f"{text[:80]!r} is not a usable name")
    return text
