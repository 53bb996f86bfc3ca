"""A route as a value: what it answers, who may ask, what goes in and what comes out.

The application, the OpenAPI document and the isolation tests are all made from these values, so that a route
without a permission, a schema or a test cannot exist.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from starlette.requests import Request

from tenantry.access import Key
from tenantry.api.control import ControlPlane
from tenantry.errors import InvalidRequest
from tenantry.tenancy import TenantId

T = TypeVar("T")
PAGE_LIMIT = 50


class Scope(StrEnum):
    """Whose things a route is about."""

    PUBLIC = "public"  # nobody's: no key is needed
    OPERATOR = "operator"  # the whole installation's: operators only
    TENANT = "tenant"  # one tenant's: the key's own, or the one that an operator names in X-Tenant
    CALLER = "caller"  # the caller's, be it a tenant or the operators


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list: ``limit`` items (1–50) from ``offset`` on."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = PAGE_LIMIT
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Part of a list, and how long the whole list is."""

    items: tuple[T, ...]
    total: int
    limit: int
    offset: int

    @classmethod
    def of(cls, items: "list[T] | tuple[T, ...]", paging: Paging) -> "Page[T]":
        """Cut a page out of a whole list."""
        part = items[paging.offset : paging.offset + paging.limit]
        return cls(items=tuple(part), total=len(items), limit=paging.limit, offset=paging.offset)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One admitted request, as a handler sees it: the permission is checked, path, query and body are
    typed."""

    control: ControlPlane
    request: Request
    path: dict[str, str]
    key: Key | None
    acting_for: TenantId | None
    query: Any = None
    body: Any = None

    @property
    def tenant(self) -> TenantId:
        """The tenant whose things are asked for. Raises ``InvalidRequest("tenant_required")``."""
        if self.acting_for is None:
            raise InvalidRequest("tenant_required", "an operator's key belongs to no tenant")
        return self.acting_for

    @property
    def caller(self) -> Key:
        """The caller's key. Only routes outside ``Scope.PUBLIC`` may ask."""
        if self.key is None:
            raise RuntimeError("a public route has no caller")
        return self.key


Handler = Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation of the control API.

    ``action`` is what ``access.may`` is asked about (``None`` only for ``Scope.PUBLIC`` and for what
    every key may ask of itself); ``body``, ``query`` and ``reply`` are types that msgspec can describe;
    ``media`` is the type of the reply; ``upload`` marks a body that is a file, streamed; with
    ``lenient_body`` the handler gets the decoded JSON and checks it by itself. The handler's docstring is
    the operation's description: its first line is the summary."""

    method: str
    path: str
    scope: Scope
    action: str | None
    handler: Handler
    reply: Any = None
    body: Any = None
    query: Any = None
    status: int = 200
    media: str = "application/json"
    upload: bool = False
    lenient_body: bool = False

    @property
    def name(self) -> str:
        """The operation's id: the handler's name."""
        return self.handler.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in braces in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))
