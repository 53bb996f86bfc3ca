"""The gRPC edge on a loop of its own, over the tenants of the REST tests."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import msgspec
import pytest
from tests.serving.conftest import World, make_world

from tenantry.adapters.grpc import serve
from tenantry.adapters.grpc.messages import message, methods
from tenantry.adapters.grpc.service import SERVICE
from tenantry.admission import Gate, Policy
from tenantry.serving import Scheduler
from tenantry.serving.tasks import fair_queue

__all__ = ["make_world"]

Told = dict[str, str | bytes]


class Edge:
    """A served world, and a client that says what it is told to."""

    def __init__(self, world: World, address: str, channel: Any, stop: asyncio.Event) -> None:
        self.world = world
        self.address = address
        self.channel = channel
        self.stop = stop

    def request(self, method: str, **fields: Any) -> Any:
        return message(methods(SERVICE)[method].input_type.full_name)(**fields)

    async def ask(
        self, method: str, request: Any = None, key: str | None = "acme-scorer", **options: Any
    ) -> tuple[Any, Told]:
        """The reply, and its trailing metadata. ``request``: a message, or its bytes. Raises ``AioRpcError``."""
        given = options.pop("metadata", {})
        metadata = [(name.replace("_", "-"), value) for name, value in given.items()]
        if key is not None:
            metadata.append(("authorization", f"Bearer {key}"))
        reply_type = message(methods(SERVICE)[method].output_type.full_name)
        call = self.channel.unary_unary(f"/{SERVICE}/{method}")(
            request if isinstance(request, bytes) else (request or self.request(method)).SerializeToString(),
            metadata=metadata,
            **options,
        )
        data = await call
        return reply_type.FromString(data), dict(await call.trailing_metadata() or ())

    async def refused(self, code: grpc.StatusCode, reason: str, *args: Any, **options: Any) -> Told:
        """Ask, and see it refused with this status and this code; the trailing metadata and the ``message``."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(*args, **options)
        error = caught.value
        told = dict(error.trailing_metadata() or ())
        assert (error.code(), told.get("x-tenantry-code")) == (code, reason), error
        assert error.details()
        return {**told, "message": error.details() or ""}

    def limit(self, **policy: Any) -> None:
        """Put acme's churn under a policy of its own."""
        state = self.world.state
        table = state.current
        state.swap(
            msgspec.structs.replace(table, number=table.number + 1, policies={"standard": Policy(**policy)})
        )


Scenario = Callable[[Edge], Any]


@pytest.fixture
def on_edge(make_world: Callable[..., World]) -> Callable[..., Any]:
    """Run a scenario beside a served world; keyword arguments are limits."""

    def run(scenario: Scenario, **limits: Any) -> Any:
        async def main() -> Any:
            world = make_world(**limits)
            world.state.gate = Gate(fair_queue())
            loop = asyncio.get_running_loop()
            stop, port = asyncio.Event(), loop.create_future()
            served = loop.create_task(
                serve(
                    world.core,
                    Scheduler(world.core, loop),
                    "127.0.0.1:0",
                    stop=stop,
                    ready=port.set_result,
                )
            )
            address = f"127.0.0.1:{await port}"
            options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
            async with grpc.aio.insecure_channel(address, options=options) as channel:
                try:
                    return await scenario(Edge(world, address, channel, stop))
                finally:
                    stop.set()
                    await served

        return asyncio.run(main())

    return run
