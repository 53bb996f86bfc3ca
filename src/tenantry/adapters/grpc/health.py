"""gRPC's health protocol: whether this worker can answer. Asked without a key, as load balancers do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from tenantry.adapters.grpc.messages import HealthCheckRequest, HealthCheckResponse
from tenantry.serving import State

SERVICE = "grpc.health.v1.Health"
WATCHES = 256
"""Most watches of one worker at a time: nobody needs a key for one."""
LOOK_SECONDS = 0.5

_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3


class Health:
    """``services``: the names that can be asked about, beside the empty one, which is the whole server."""

    def __init__(self, state: State, stop: asyncio.Event, services: frozenset[str]) -> None:
        self._state = state
        self._stop = stop
        self._services = services | {""}
        self._watches = 0

    def handlers(self) -> dict[str, Any]:
        """The protocol's methods."""
        return {
            "Check": grpc.unary_unary_rpc_method_handler(
                self.check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                self.watch, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
            ),
        }

    async def check(self, request: Any, context: Any) -> Any:
        """The status now."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        return HealthCheckResponse(status=self._status())

    async def watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """The status now, and again whenever it changes, until the caller or the server ends."""
        if self._watches >= WATCHES:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch this worker")
        self._watches += 1
        try:
            before = None
            while True:
                stopping = self._stop.is_set()  # before the status, so that the last one is told
                known = request.service in self._services
                status = self._status() if known else _SERVICE_UNKNOWN
                if status != before:
                    before = status
                    yield HealthCheckResponse(status=status)
                if stopping:
                    return
                await self._pause()
        finally:
            self._watches -= 1

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._stop.wait()
        except TimeoutError:
            pass

    def _status(self) -> int:
        ready = self._state.table is not None and not self._stop.is_set()
        return _SERVING if ready else _NOT_SERVING
