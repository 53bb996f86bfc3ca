"""HTTP with a key: requests, pages, and errors of the server as the errors that they were."""

import ssl
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from tenantry.errors import (
    Conflict,
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
from tenantry.tenancy import TenantId

T = TypeVar("T")
PAGE = 50
_KINDS: dict[int, type[TenantryError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    413: InvalidRequest,
    422: InvalidData,
    429: Overloaded,
    501: Unsupported,
    503: Unavailable,
}


class Transport:
    """Speaks to a server with one key. ``url`` is the control API's; whole URLs may be asked for too. ``ca``: a file of
    certificates to trust, beside those that are trusted anyway.
    """

    def __init__(self, url: str, key: str, ca: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self.client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(120, connect=5),
            # A proxy of the environment is for the world outside, never for this machine.
            trust_env=not _is_here(url),
            verify=True if ca is None else _trusting(ca),
        )

    def send(self, method: str, path: str, tenant: TenantId | None = None, **more: Any) -> httpx.Response:
        """Call a path of the control API. Raises the server's own error, or ``server_unreachable``."""
        return self.request(method, f"{self.url}/api/v1{path}", tenant, **more)

    def request(self, method: str, url: str, tenant: TenantId | None, **more: Any) -> httpx.Response:
        """Call a URL for a tenant. Raises as ``send``."""
        headers = {**({"X-Tenant": tenant} if tenant else {}), **more.pop("headers", {})}
        try:
            response = self.client.request(method, url, headers=headers, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(url, error) from error
        if response.is_error:
            raise error_of(response)
        return response

    def get(self, path: str, kind: type[T], tenant: TenantId | None = None, **query: Any) -> T:
        """GET, decoded."""
        return decoded(self.send("GET", path, tenant, params=query), kind)

    def post(
        self,
        path: str,
        kind: type[T],
        tenant: TenantId | None,
        body: Any = None,
        method: str = "POST",
        **more: Any,
    ) -> T:
        """POST (or another method) a JSON body, decoded."""
        content = msgspec.json.encode({} if body is None else body)
        return decoded(self.send(method, path, tenant, content=content, **more), kind)

    def pages(self, path: str, kind: type[T], tenant: TenantId | None = None, **query: Any) -> list[T]:
        """All items of a list, page by page."""
        found: list[T] = []
        while True:
            page = self.get(path, _Page, tenant, limit=PAGE, offset=len(found), **query)
            found += msgspec.convert(page.items, list[kind])  # type: ignore[valid-type]
            if not page.items or len(found) >= page.total:
                return found


def _trusting(ca: Path) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    try:
        context.load_verify_locations(ca)
    except OSError as error:  # SSLError is one
        raise InvalidRequest(
            "tls_certificate", f"the TLS certificate {ca} cannot be used: {error}"
        ) from error
    return context


class _Page(msgspec.Struct, frozen=True):
    items: list[Any]
    total: int


def word(text: str) -> str:
    """One step of a path. What could not be a name is refused here, since a slash would make another path."""
    if not text or any(sign in text for sign in "/?#%\\") or text in (".", ".."):
        raise InvalidRequest("bad_name", f"{text[:80]!r} is not a usable name")
    return text


def decoded(response: httpx.Response, kind: type[T]) -> T:
    """The reply's value. Raises ``Unavailable("server_reply")`` where it is of another shape."""
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable("server_reply", f"{response.url} answered something unexpected: {error}") from error


def error_of(response: httpx.Response) -> TenantryError:
    """The error that the server meant, of the kind that its status stands for."""
    try:
        shown = msgspec.json.decode(response.content, type=dict[str, Any])
        code, message, hint = shown["code"], shown["error"], shown["hint"]
    except (msgspec.MsgspecError, KeyError):
        return Unavailable(
            "server_reply", f"{response.url} answered {response.status_code} without an error of tenantry's"
        )
    kind = _KINDS.get(response.status_code, Internal)
    return kind(code, message, hint=hint, details=shown.get("details"))


def unreachable(url: str, error: Exception) -> Unavailable:
    """The error for a server that does not answer."""
    said = f"{url} does not answer: {error or type(error).__name__}"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        hint = "Set TENANTRY_TLS_CERTIFICATE to a PEM file with the certificate, or its issuer's, to trust."
        return Unavailable("server_unreachable", said, hint=hint)
    return Unavailable("server_unreachable", said)


def _is_here(url: str) -> bool:
    try:
        return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
    except httpx.InvalidURL:
        return True
