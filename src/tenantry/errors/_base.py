"""The error kinds. A kind says what the caller can do; a code says what happened."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tenantry.errors import _access, _control, _data, _jobs, _load, _plan, _serving, _state

CATALOGUE: dict[str, tuple[str, str]] = {
    **_data.CODES,
    **_plan.CODES,
    **_access.CODES,
    **_jobs.CODES,
    **_serving.CODES,
    **_load.CODES,
    **_control.CODES,
    **_state.CODES,
}
"""code → (what it means, what to do next). Generated into ``docs/errors.md``."""


class TenantryError(Exception):
    """Base of every error that tenantry raises on purpose.

    ``code`` is stable and listed in :data:`CATALOGUE`; ``message`` says what and where in one sentence;
    ``hint`` says what to do next; ``details`` holds machine-readable facts (line, column, limit, …) and never
    a secret.
    """

    transient: ClassVar[bool] = False
    """Whether the same call may succeed later without any change (the jobs retry only these)."""

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = CATALOGUE[code][1] if hint is None else hint
        self.details = dict(details or {})

    def as_dict(self) -> dict[str, Any]:
        """The error as every edge shows it: ``{"error", "code", "hint", "details"?}``."""
        shown: dict[str, Any] = {"error": self.message, "code": self.code, "hint": self.hint}
        if self.details:
            shown["details"] = self.details
        return shown

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.code, self.message, self.hint, self.details)


def _rebuild(
    kind: type[TenantryError], code: str, message: str, hint: str, details: dict[str, Any]
) -> TenantryError:
    return kind(code, message, hint=hint, details=details)


class InvalidRequest(TenantryError):
    """The call itself is wrong: a parameter, a shape, a name."""


class InvalidData(TenantryError):
    """The data cannot be used: a bad file, a bad table, a target that cannot be learnt."""


class Unauthenticated(TenantryError):
    """No key, or a key that is unknown, revoked or expired."""


class Forbidden(TenantryError):
    """The key is good, but its role may not do this."""


class NotFound(TenantryError):
    """No such thing for this tenant; what belongs to another tenant is never told apart from what does not
    exist.

    ``unnamed`` is the message without the name that was asked for, so that an edge may say what kind of thing is
    missing in the same bytes for every name. Neither it nor the hint may depend on what other tenants have.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        unnamed: str = "there is no such thing for this tenant",
    ) -> None:
        super().__init__(code, message, hint=hint, details=details)
        self.unnamed = unnamed

    def __reduce__(self) -> tuple[Any, ...]:
        return *super().__reduce__(), {"unnamed": self.unnamed}


class Conflict(TenantryError):
    """The state changed underneath, or the name is taken."""


class Unsupported(TenantryError):
    """A known request that this build does not serve."""


class Corrupt(TenantryError):
    """Stored bytes fail their checksum or their bounds."""


class Cancelled(TenantryError):
    """Someone asked for this work to stop."""


class Overloaded(TenantryError):
    """Over a limit; try again after ``details["retry_after"]`` seconds."""

    transient: ClassVar[bool] = True


class Unavailable(TenantryError):
    """A part that is needed does not answer now."""

    transient: ClassVar[bool] = True


class Internal(TenantryError):
    """A defect of tenantry's own."""
