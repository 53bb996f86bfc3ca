"""The contract's paths: from a request to the core, or to the models."""

import asyncio
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from tenantry.adapters.sagemaker.bodies import CSV, as_csv, media_type, prepare
from tenantry.adapters.sagemaker.models import Loaded, Models
from tenantry.errors import Internal, InvalidRequest, NotFound, TenantryError
from tenantry.serving import ROUTES, Core, Response, Scheduler, Work
from tenantry.serving.http import Done
from tenantry.serving.replies import encode_json, error_reply, json_reply
from tenantry.telemetry import get_logger
from tenantry.wire import inflate

PAGE = 100
"""Models of one page of the list."""
LONG_BODY = 256 << 10
"""A larger body is prepared in a thread."""
STATUS = {"model_loaded": 409, "models_full": 507}
"""Statuses that the contract gives to errors, where they are not REST's."""

_TARGET = b"x-amzn-sagemaker-target-model"
_INFER = next(route for route in ROUTES if route.path == "/v2/models/{model}/infer")
_log = get_logger("sagemaker")


class LoadRequest(msgspec.Struct):
    """The body of ``POST /models``."""

    model_name: str
    url: str


class Invocation(NamedTuple):
    """An invocation that the core has admitted."""

    work: Work
    model: Loaded
    headers: dict[bytes, bytes]


class Managed(NamedTuple):
    """A request about models. ``name`` is empty for those about all."""

    method: str
    name: str
    query: bytes


class SageMakerHandler:
    """A :class:`~tenantry.serving.http.Handler`. ``secret``: the key with which the core is asked."""

    def __init__(self, core: Core, scheduler: Scheduler, models: Models, secret: str) -> None:
        self._core = core
        self._scheduler = scheduler
        self._models = models
        self._authorization = b"Bearer " + secret.encode()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, method: str, path: str, query: bytes, headers: dict[bytes, bytes]) -> Any:
        """Admit a request by its head."""
        try:
            if path == "/ping":
                _only(method, "GET")
                return Response(200, [(b"content-length", b"0")], b"")
            if path == "/invocations":
                _only(method, "POST")
                named = headers.get(_TARGET)
                model = self._models.only() if named is None else self._models.get(named.decode("latin-1"))
                return self._invoked(model, query, headers)
            if path == "/models":
                _only(method, "GET", "POST")
                return Managed(method, "", query)
            if path.startswith("/models/"):
                return self._about(method, path.removeprefix("/models/"), query, headers)
        except TenantryError as error:
            return _error(error)
        return _error(NotFound("route_unknown", "SageMaker's contract has no such path"))

    def _about(self, method: str, rest: str, query: bytes, headers: dict[bytes, bytes]) -> Any:
        if rest.endswith("/invoke") and method == "POST":
            return self._invoked(self._models.get(rest.removesuffix("/invoke")), query, headers)
        _only(method, "DELETE", "GET")
        return Managed(method, rest, query)

    def _invoked(self, model: Loaded, query: bytes, headers: dict[bytes, bytes]) -> Any:
        own = {name: value for name, value in headers.items() if name != b"content-encoding"}
        own[b"authorization"] = self._authorization
        work = self._core.begin("POST", f"/predict/{model.endpoint}", query, own)
        return work if isinstance(work, Response) else Invocation(work, model, headers)

    def submit(self, work: Any, body: bytes, done: Done) -> None:
        """Answer."""
        if isinstance(work, Invocation) and len(body) <= LONG_BODY:
            try:
                self._score(work, self._prepared(work, body), done)
            except TenantryError as error:
                done(self._core.refused(work.work, error))
            return
        answering = (
            self._long(work, body, done) if isinstance(work, Invocation) else self._manage(work, body, done)
        )
        task = asyncio.get_running_loop().create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abandon(self, work: Any) -> None:
        """Nobody waits for the answer."""
        if isinstance(work, Invocation):
            self._scheduler.abandon(work.work)

    def refused(self, work: Any, error: TenantryError) -> Response:
        """The body cannot be had."""
        return self._core.refused(work.work, error) if isinstance(work, Invocation) else _error(error)

    def _prepared(self, invocation: Invocation, body: bytes) -> bytes:
        """The body for the core; the work's route becomes that of the body's form."""
        headers = invocation.headers
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            body = inflate(body, encoding.decode("latin-1"), self._core.state.limits.body_bytes)
        binary = b"inference-header-content-length" in headers
        kind = headers.get(b"content-type", b"")
        prepared = prepare(kind, body, invocation.model.columns, binary=binary)
        if prepared.oip:
            invocation.work.route = _INFER
        return prepared.body

    def _score(self, invocation: Invocation, body: bytes, done: Done) -> None:
        headers = invocation.headers
        if not _wants_csv(headers) or invocation.work.route is _INFER:
            self._scheduler.submit(invocation.work, body, done)
            return

        def told(response: Response) -> None:
            done(_in_csv(response) if response.status == 200 else response)

        self._scheduler.submit(invocation.work, body, told)

    async def _long(self, invocation: Invocation, body: bytes, done: Done) -> None:
        try:
            prepared = await asyncio.to_thread(self._prepared, invocation, body)
        except TenantryError as error:
            done(self._core.refused(invocation.work, error))
            return
        self._score(invocation, prepared, done)

    async def _manage(self, managed: Managed, body: bytes, done: Done) -> None:
        try:
            response = await self._managed(managed, body)
        except TenantryError as error:
            response = _error(error)
        except Exception as error:  # noqa: BLE001 — the last net: logged, answered 500, and the process goes on
            _log.error("request failed", exc_info=error)
            response = _error(Internal("internal", "the container has met a defect of its own"))
        done(response)

    async def _managed(self, managed: Managed, body: bytes) -> Response:
        models = self._models
        if managed.method == "POST":
            asked = _load_request(body)
            await models.load(asked.model_name, asked.url)
            return json_reply(encode_json(_shown(models.get(asked.model_name))))
        if managed.method == "DELETE":
            models.unload(managed.name)
            return json_reply(b"{}")
        if managed.name:
            return json_reply(encode_json(_shown(models.get(managed.name))))
        token = parse_qs(managed.query.decode("latin-1")).get("next_page_token", [""])[0]
        page, more = models.page(token, PAGE)
        listed: dict[str, Any] = {"models": [_shown(one) for one in page]}
        if more:
            listed["nextPageToken"] = more
        return json_reply(encode_json(listed))


def _load_request(body: bytes) -> LoadRequest:
    try:
        asked = msgspec.json.decode(body, type=LoadRequest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidRequest("body_json", f"the body is no request to load a model: {error}") from error
    if not asked.model_name or not asked.url:
        raise InvalidRequest("body_json", "model_name and url must not be empty")
    return asked


def _shown(model: Loaded) -> dict[str, str]:
    return {"modelName": model.name, "modelUrl": model.url}


def _wants_csv(headers: dict[bytes, bytes]) -> bool:
    """The reply takes the form that is accepted; where any is, that of the request."""
    accepted = headers.get(b"accept", b"*/*")
    if b"*/*" in accepted or not accepted.strip():
        return media_type(headers.get(b"content-type", b""))[0] == CSV
    return CSV in accepted.decode("latin-1").lower()


def _in_csv(response: Response) -> Response:
    body = as_csv(response.body)
    skipped = (b"content-type", b"content-length")
    headers = [pair for pair in response.headers if pair[0] not in skipped]
    more = [(b"content-type", b"text/csv; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    return Response(200, [*more, *headers], body)


def _only(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise InvalidRequest(
            "method_not_allowed", f"this path takes {', '.join(allowed)}", details={"allow": list(allowed)}
        )


def _error(error: TenantryError) -> Response:
    response = error_reply(error)
    response.status = STATUS.get(error.code, response.status)
    return response
