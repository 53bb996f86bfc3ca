"""``inference.GRPCInferenceService``: each method asks the route of REST that says the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import msgspec
from google.protobuf.json_format import ParseDict

from tenantry.adapters.grpc.calls import Calls, headers_of, model_path
from tenantry.adapters.grpc.forms import GrpcForm
from tenantry.adapters.grpc.messages import (
    ModelInferRequest,
    ModelStreamInferResponse,
    message,
    methods,
)
from tenantry.adapters.grpc.statuses import failure, told
from tenantry.serving import Response

SERVICE = "inference.GRPCInferenceService"

_NOT_READY = frozenset((404, 500, 501, 503))
"""Statuses of a model that cannot score now; others are about the caller."""


async def finish(context: Any, response: Response) -> bytes:
    """A good reply's message, with its metadata; any other ends the call."""
    if response.status == 200:
        context.set_trailing_metadata(told(response))
        return response.body
    wrong = failure(response)
    await context.abort(wrong.code, wrong.text, wrong.trailing)
    raise AssertionError  # abort raises


class Service:
    """The methods, over :class:`Calls`. Messages come and go as bytes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def handlers(self) -> dict[str, Any]:
        """The protocol's methods. What is not among them, gRPC answers with UNIMPLEMENTED."""
        unary: dict[str, Callable[[Any, Any], Awaitable[Response]]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._repository_index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        found = {name: _handler(name, method) for name, method in unary.items()}
        found["ModelInfer"] = grpc.unary_unary_rpc_method_handler(self.infer)
        found["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(self.stream)
        return found

    async def infer(self, data: bytes, context: Any) -> bytes:
        """Score one request."""
        return await finish(context, await self._scored(data, context, headers_of(context), stream=False))

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Score requests one after the other; an error is an answer, and the stream goes on."""
        headers = headers_of(context)
        refused = self._calls.unknown(headers)
        if refused is not None:
            await finish(context, refused)
        async for data in requests:
            response = await self._scored(data, context, headers, stream=True)
            if response.status == 200:
                yield response.body
            else:
                yield _stream_error(data, response)

    async def _scored(
        self, data: bytes, context: Any, headers: dict[bytes, bytes], *, stream: bool
    ) -> Response:
        size = len(data)
        refused = self._calls.unknown(headers) or self._calls.hold(size)
        if refused is not None:
            return refused
        try:
            request = await _read(ModelInferRequest, data, context)
            path = model_path(request.model_name, request.model_version, "/infer")
            form = GrpcForm(request, stream=stream, size=size)
            return await self._calls.ask(context, "POST", path, headers=headers, form=form)
        finally:
            self._calls.let_go(size)

    async def _server_live(self, request: Any, context: Any) -> Response:
        del request
        return await self._calls.ask(context, "GET", "/v2/health/live")

    async def _server_ready(self, request: Any, context: Any) -> Response:
        del request
        response = await self._calls.ask(context, "GET", "/v2/health/ready")
        response.status = 200
        return response

    async def _server_metadata(self, request: Any, context: Any) -> Response:
        del request
        return await self._calls.ask(context, "GET", "/v2")

    async def _model_ready(self, request: Any, context: Any) -> Response:
        path = model_path(request.name, request.version, "/ready")
        response = await self._calls.ask(context, "GET", path)
        if response.status in _NOT_READY:
            response.status, response.body = 200, b'{"ready":false}'
        return response

    async def _model_metadata(self, request: Any, context: Any) -> Response:
        return await self._calls.ask(context, "GET", model_path(request.name, request.version))

    async def _model_statistics(self, request: Any, context: Any) -> Response:
        path = model_path(request.name, request.version, "/stats") if request.name else "/v2/models/stats"
        return await self._calls.ask(context, "GET", path)

    async def _repository_index(self, request: Any, context: Any) -> Response:
        body = msgspec.json.encode({"ready": request.ready})
        response = await self._calls.ask(context, "POST", "/v2/repository/index", body=body)
        if response.status == 200:
            response.body = b'{"models":%s}' % response.body
        return response

    async def _load(self, request: Any, context: Any) -> Response:
        return await self._repository(request, context, "load", b"is_loaded")

    async def _unload(self, request: Any, context: Any) -> Response:
        return await self._repository(request, context, "unload", b"is_unloaded")

    async def _repository(self, request: Any, context: Any, what: str, done: bytes) -> Response:
        name = request.model_name or request.repository_name
        path = f"/v2/repository/models/{name.replace('/', '%2F')}/{what}"
        parameters = {
            key: getattr(value, value.WhichOneof("parameter_choice") or "bool_param")
            for key, value in request.parameters.items()
        }
        body = msgspec.json.encode({"parameters": parameters})
        response = await self._calls.ask(context, "POST", path, body=body)
        if response.status == 200:
            response.body = b'{"model_name":%s,"%s":true}' % (msgspec.json.encode(name), done)
        return response


def _handler(name: str, method: Callable[[Any, Any], Awaitable[Response]]) -> Any:
    """A method whose reply is made from REST's JSON."""
    descriptor = methods(SERVICE)[name]
    request_type = message(descriptor.input_type.full_name)
    reply_type = message(descriptor.output_type.full_name)

    async def behave(data: bytes, context: Any) -> bytes:
        body = await finish(context, await method(await _read(request_type, data, context), context))
        reply = ParseDict(msgspec.json.decode(body), reply_type(), ignore_unknown_fields=True)
        serialised: bytes = reply.SerializeToString()
        return serialised

    return grpc.unary_unary_rpc_method_handler(behave)


async def _read(kind: Any, data: bytes, context: Any) -> Any:
    try:
        return kind.FromString(data)
    except Exception as error:  # noqa: BLE001 — protobuf's own error, or a text that is not UTF-8
        await context.abort(
            grpc.StatusCode.INVALID_ARGUMENT, f"the request is no {kind.DESCRIPTOR.name}: {error}"
        )


def _stream_error(data: bytes, response: Response) -> bytes:
    """An error as one answer of a stream, with the id of the request that it answers."""
    error = ModelStreamInferResponse(error_message=failure(response).text)
    error.infer_response.id = ModelInferRequest.FromString(data).id
    serialised: bytes = error.SerializeToString()
    return serialised
