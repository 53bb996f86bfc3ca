"""The backend over HTTP: the control API for everything, the scoring API for scores."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from tenantry.access import Key, Role, Tenant
from tenantry.api.control import Exported, KeyCreated, Verified, VersionDetail
from tenantry.apps import PredictionDefinition
from tenantry.bundle import Scorecard
from tenantry.cli.backend import Prediction, Reason, Record, Scorer
from tenantry.datasets import Snapshot
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
from tenantry.ports.jobs import FINAL_STATES, Job, JobEvent, JobState
from tenantry.registry import Model, Version
from tenantry.tenancy import TenantId

T = TypeVar("T")
PAGE = 50
ROWS_PER_REQUEST = 500
RECONNECT_SECONDS = 0.2
PUBLISH_SECONDS = 3.0
"""Workers look for a new endpoint table several times a second."""
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


class HttpBackend:
    """Commands through a server. ``url`` is the control API's; the scoring API's port is asked for there."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(120, connect=5),
            # A proxy of the environment is for the world outside, never for this machine.
            trust_env=not _is_here(url),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # The transport

    def _send(self, method: str, path: str, tenant: TenantId | None = None, **more: Any) -> httpx.Response:
        return self._request(method, f"{self._url}/api/v1{path}", tenant, **more)

    def _request(self, method: str, url: str, tenant: TenantId | None, **more: Any) -> httpx.Response:
        headers = {**({"X-Tenant": tenant} if tenant else {}), **more.pop("headers", {})}
        try:
            response = self._client.request(method, url, headers=headers, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(url, error) from error
        if response.is_error:
            raise _error_of(response)
        return response

    def _get(self, path: str, kind: type[T], tenant: TenantId | None = None, **query: Any) -> T:
        return _decoded(self._send("GET", path, tenant, params=query), kind)

    def _post(
        self, path: str, kind: type[T], tenant: TenantId | None, body: Any = None, method: str = "POST"
    ) -> T:
        content = msgspec.json.encode({} if body is None else body)
        return _decoded(self._send(method, path, tenant, content=content), kind)

    def _list(self, path: str, kind: type[T], tenant: TenantId | None = None, **query: Any) -> list[T]:
        found: list[T] = []
        while True:
            page = self._get(path, _Page, tenant, limit=PAGE, offset=len(found), **query)
            found += msgspec.convert(page.items, list[kind])  # type: ignore[valid-type]
            if not page.items or len(found) >= page.total:
                return found

    # Tenants and keys

    def tenants(self) -> list[Tenant]:
        """See ``Backend``."""
        return self._list("/tenants", Tenant)

    def create_tenant(self, tenant: TenantId) -> Tenant:
        """See ``Backend``."""
        return self._post("/tenants", Tenant, None, {"id": tenant})

    def ensure_tenant(self, tenant: TenantId) -> bool:  # noqa: ARG002 - part of the protocol
        """See ``Backend``: a server makes tenants only when an operator asks for one."""
        return False

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """See ``Backend``."""
        return self._list("/keys", Key, tenant)

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str, expires_in: float | None
    ) -> KeyCreated:
        """See ``Backend``."""
        body = {"role": role, "label": label, "expires_in": expires_in}
        return self._post("/keys", KeyCreated, tenant, body)

    def revoke_key(self, tenant: TenantId | None, key_id: str) -> Key:
        """See ``Backend``."""
        return _decoded(self._send("DELETE", f"/keys/{_word(key_id)}", tenant), Key)

    # Data, definitions, jobs

    def upload(self, tenant: TenantId, name: str, path: Path) -> Snapshot:
        """See ``Backend``: the file is streamed."""
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound("file_not_found", f"there is no file {path}") from error
        except OSError as error:
            raise InvalidData("file_unreadable", f"{path} cannot be read: {error.strerror}") from error
        with file:
            response = self._send(
                "POST",
                f"/datasets/{_word(name)}",
                tenant,
                params={"filename": path.name},
                content=iter(lambda: file.read(1 << 20), b""),
                timeout=httpx.Timeout(3600, connect=5),
            )
        return _decoded(response, Snapshot)

    def apply(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """See ``Backend``."""
        path = f"/predictions/{_word(definition.name)}"
        return self._post(path, PredictionDefinition, tenant, definition, method="PUT")

    def definition(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """See ``Backend``."""
        return self._get(f"/predictions/{_word(name)}", PredictionDefinition, tenant)

    def train(self, tenant: TenantId, name: str, snapshot: str) -> Job:
        """See ``Backend``."""
        return self._post(f"/predictions/{_word(name)}/train", Job, tenant, {"dataset": snapshot})

    @contextmanager
    def follow(self, tenant: TenantId, job_id: str) -> Iterator[Iterator[JobEvent]]:
        """See ``Backend``: server-sent events. The server's training worker does the work."""
        ended = False

        def events() -> Iterator[JobEvent]:
            nonlocal ended
            yield from self._job_events(tenant, job_id)
            ended = True

        try:
            yield events()
        except KeyboardInterrupt:
            if not ended:
                self.cancel_job(tenant, job_id)
            raise

    def _job_events(self, tenant: TenantId, job_id: str) -> Iterator[JobEvent]:
        url = f"{self._url}/api/v1/jobs/{_word(job_id)}/events"
        after = 0
        while True:
            try:
                headers = {"X-Tenant": tenant, "Last-Event-ID": str(after)}
                with self._client.stream("GET", url, headers=headers) as response:
                    if response.is_error:
                        response.read()
                        raise _error_of(response)
                    for line in response.iter_lines():
                        if line.startswith("data:"):
                            event = msgspec.json.decode(line[5:], type=JobEvent)
                            after = event.seq
                            yield event
            except httpx.HTTPError as error:
                raise _unreachable(url, error) from error
            # A stream that ends before its job does was cut: go on where it stopped.
            if self.job(tenant, job_id).state in FINAL_STATES:
                return
            time.sleep(RECONNECT_SECONDS)

    def jobs(self, tenant: TenantId, state: JobState | None) -> list[Job]:
        """See ``Backend``."""
        return self._list("/jobs", Job, tenant, **({"state": state} if state else {}))

    def job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._get(f"/jobs/{_word(job_id)}", Job, tenant)

    def cancel_job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._post(f"/jobs/{_word(job_id)}/cancel", Job, tenant)

    # Models

    def models(self, tenant: TenantId) -> list[Model]:
        """See ``Backend``."""
        return self._list("/models", Model, tenant)

    def model(self, tenant: TenantId, model: str) -> Model:
        """See ``Backend``."""
        return self._get(f"/models/{_word(model)}", Model, tenant)

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """See ``Backend``."""
        return self._list(f"/models/{_word(model)}/versions", Version, tenant)

    def version(self, tenant: TenantId, model: str, ref: str) -> VersionDetail:
        """See ``Backend``."""
        return self._get(_version_path(model, ref), VersionDetail, tenant)

    def scorecard(self, tenant: TenantId, model: str, ref: str) -> Scorecard:
        """See ``Backend``."""
        return self._get(f"{_version_path(model, ref)}/scorecard", Scorecard, tenant)

    def verify(self, tenant: TenantId, model: str, ref: str) -> Verified:
        """See ``Backend``."""
        return self._get(f"{_version_path(model, ref)}/verify", Verified, tenant)

    def promote(self, tenant: TenantId, model: str, alias: str, ref: str) -> Version:
        """See ``Backend``."""
        path = f"/models/{_word(model)}/aliases/{_word(alias)}"
        return self._post(path, Version, tenant, {"version": ref}, method="PUT")

    def rollback(self, tenant: TenantId, model: str, alias: str) -> Version:
        """See ``Backend``."""
        return self._post(f"/models/{_word(model)}/aliases/{_word(alias)}/rollback", Version, tenant)

    def export(self, tenant: TenantId, model: str, ref: str, export_format: str) -> Exported:
        """See ``Backend``."""
        response = self._send(
            "GET", f"{_version_path(model, ref)}/export", tenant, params={"format": export_format}
        )
        named = response.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
        return Exported(filename=Path(named).name or f"{model}.{export_format}", data=response.content)

    # Scores

    @contextmanager
    def scorer(self, tenant: TenantId, detail: VersionDetail) -> Iterator[Scorer]:
        """Score through the scoring API, on the port that the control API names."""
        port = self._get("", _Server).data_port
        if port is None:
            raise Unavailable(
                "server_unreachable", "the server's scoring API is not running", hint="Start 'tenantry up'."
            )
        yield _HttpScorer(self._request, httpx.URL(self._url).copy_with(port=port, path="/"), tenant, detail)


class _Page(msgspec.Struct, frozen=True):
    items: list[Any]
    total: int


class _Server(msgspec.Struct, frozen=True):
    data_port: int | None


class _Scored(msgspec.Struct, frozen=True):
    """One element of ``predictions`` in the scoring API's reply."""

    score: float
    model_version: str
    label: str | None = None
    probabilities: dict[str, float] = {}
    reasons: tuple[Reason, ...] | None = None


class _Predictions(msgspec.Struct, frozen=True):
    predictions: list[_Scored]


class _HttpScorer:
    def __init__(
        self, request: Callable[..., httpx.Response], url: httpx.URL, tenant: TenantId, detail: VersionDetail
    ) -> None:
        self._request = request
        self._tenant = tenant
        self._url = str(url.join(f"/predict/{_word(detail.version.model)}"))
        self._version = str(detail.version.number)

    def score(self, records: Sequence[Record], explain: int) -> list[Prediction]:
        """See ``Scorer``."""
        found: list[Prediction] = []
        query = {"version": self._version, **({"explain": str(explain)} if explain else {})}
        for start in range(0, len(records), ROWS_PER_REQUEST):
            content = msgspec.json.encode(records[start : start + ROWS_PER_REQUEST])
            response = self._ask(query, content)
            found += [
                Prediction(
                    label=scored.label,
                    score=scored.score,
                    probabilities=tuple(scored.probabilities.values()),
                    reasons=scored.reasons if explain else None,
                    model_version=scored.model_version,
                )
                for scored in _decoded(response, _Predictions).predictions
            ]
        return found

    def _ask(self, query: dict[str, str], content: bytes) -> httpx.Response:
        """Send records. The control API knows this version: a worker that does not, has not looked yet."""
        until = time.monotonic() + PUBLISH_SECONDS
        while True:
            try:
                return self._request("POST", self._url, self._tenant, params=query, content=content)
            except NotFound:
                if time.monotonic() >= until:
                    raise
                time.sleep(RECONNECT_SECONDS)


def _version_path(model: str, ref: str) -> str:
    return f"/models/{_word(model)}/versions/{_word(ref)}"


def _is_here(url: str) -> bool:
    try:
        return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
    except httpx.InvalidURL:
        return True


def _word(text: str) -> str:
    """One step of a path. What could not be a name is refused here, since a slash would make another path."""
    if not text or any(sign in text for sign in "/?#%\\") or text in (".", ".."):
        raise InvalidRequest("bad_name", f"{text[:80]!r} is not a usable name")
    return text


def _decoded(response: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable("server_reply", f"{response.url} answered something unexpected: {error}") from error


def _error_of(response: httpx.Response) -> TenantryError:
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


def _unreachable(url: str, error: Exception) -> Unavailable:
    return Unavailable("server_unreachable", f"{url} does not answer: {error or type(error).__name__}")
