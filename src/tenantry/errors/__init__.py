"""One tree of errors for the whole product.

Receives: nothing. Hands on: exception classes by *kind* (what a caller may do about it) and a catalogue of
*codes* (what went wrong, stable for programs). Never knows: HTTP, the command line, or any package above it;
the edges map kinds to status and exit codes.

Raise a kind with a code of the catalogue::

    raise InvalidData("file_empty", f"{path} holds no rows")

The hint comes from the catalogue unless one is given that knows more. Each area keeps its codes in its own
module (``_data.py``, ``_plan.py``, …); ``CATALOGUE`` joins them, and ``docs/errors.md`` is generated from it.
"""

from tenantry.errors._base import (
    CATALOGUE,
    Cancelled,
    Conflict,
    Corrupt,
    Forbidden,
    Internal,
    InvalidData,
    InvalidRequest,
    NotFound,
    Overloaded,
    TenantryError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

__all__ = [
    "CATALOGUE",
    "Cancelled",
    "Conflict",
    "Corrupt",
    "Forbidden",
    "Internal",
    "InvalidData",
    "InvalidRequest",
    "NotFound",
    "Overloaded",
    "TenantryError",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
]
