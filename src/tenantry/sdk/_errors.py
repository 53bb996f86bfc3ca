"""Errors that are tenantry's and scikit-learn's at once."""

from tenantry.errors import InvalidData, TenantryError


class InvalidTable(InvalidData, ValueError):
    """Data that cannot be used. Also a ``ValueError``, since scikit-learn's tools look for that."""

    @classmethod
    def of(cls, error: TenantryError) -> "InvalidTable":
        """The same error in this class."""
        return cls(error.code, error.message, hint=error.hint, details=error.details)
