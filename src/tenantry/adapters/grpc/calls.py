"""One call, from its metadata to a reply of the core."""

import asyncio
from typing import Any

from tenantry.adapters.grpc.forms import GrpcForm
from tenantry.errors import TenantryError, Unavailable
from tenantry.serving import Core, Response, Scheduler
from tenantry.serving.replies import error_reply
from tenantry.serving.scheduler import settle

_NOT_TAKEN = frozenset((b"content-encoding", b"content-length", b"inference-header-content-length"))
"""Headers that would say of the body what gRPC says in its own way."""


def headers_of(context: Any) -> dict[bytes, bytes]:
    """A call's metadata as headers."""
    headers = {}
    for name, value in context.invocation_metadata() or ():
        key = name.encode()
        if key not in _NOT_TAKEN:
            headers[key] = value if isinstance(value, bytes) else value.encode()
    return headers


def model_path(name: str, version: str, ending: str = "") -> str:
    """REST's path of a model, or of one of its versions. A slash in a name stays one part of the path, which then
    names nothing.
    """
    path = "/v2/models/" + name.replace("/", "%2F")
    if version:
        path += "/versions/" + version.replace("/", "%2F")
    return path + ending


class Calls:
    """Puts calls before a core. On the event loop's thread."""

    def __init__(self, core: Core, scheduler: Scheduler) -> None:
        self._core = core
        self._scheduler = scheduler
        self._held = 0

    def unknown(self, headers: dict[bytes, bytes]) -> Response | None:
        """The refusal of a caller whose key is not good, before anything of the body is read."""
        try:
            self._core.state.known.identify(headers, self._core.now())
        except TenantryError as error:
            return error_reply(error)
        return None

    async def ask(
        self,
        context: Any,
        method: str,
        path: str,
        *,
        headers: dict[bytes, bytes] | None = None,
        body: bytes = b"",
        form: GrpcForm | None = None,
    ) -> Response:
        """The core's reply. A caller that goes away, or whose own deadline passes, takes its work with it."""
        left = context.time_remaining()
        clock = self._core.clock
        work = self._core.begin(
            method,
            path,
            b"",
            headers_of(context) if headers is None else headers,
            float("inf") if left is None else clock() + left,
        )
        if isinstance(work, Response):
            return work
        work.form = form
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._scheduler.submit(work, body, settle(future))
        try:
            return await future
        except asyncio.CancelledError:
            self._scheduler.abandon(work)
            raise

    def hold(self, size: int) -> Response | None:
        """Count a message's bytes, until :meth:`let_go`; or the refusal of one too many for this worker."""
        if self._held + size > self._core.state.limits.held_bytes:
            return error_reply(
                Unavailable("serving_busy", "this worker holds as many large bodies as it may")
            )
        self._held += size
        return None

    def let_go(self, size: int) -> None:
        """The message is answered."""
        self._held -= size
