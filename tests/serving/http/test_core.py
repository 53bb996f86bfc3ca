"""The scoring API over both HTTP edges: the same answers, header by header."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from tests.serving.http.edges import Answer, call, listener

from tenantry.serving import application
from tenantry.serving.http import CoreHandler, Server
from tenantry.serving.http.uvicorn_bounds import BoundedProtocol
from tenantry.serving.scheduler import Scheduler

Run = Callable[..., Any]
KEY = "Authorization: Bearer acme-scorer"


@contextlib.asynccontextmanager
async def both(core: Any) -> AsyncIterator[tuple[int, int]]:
    """Ports of the two edges over one core."""
    scheduler = Scheduler(core, asyncio.get_running_loop())
    own = Server(CoreHandler(core, scheduler), core.state.limits)
    sockets = listener(), listener()
    await own.start([sockets[0]])
    config = uvicorn.Config(
        application(core, scheduler), http=BoundedProtocol, ws="none", lifespan="off", interface="asgi3",
        access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    other = uvicorn.Server(config)
    other.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(other.serve([sockets[1]]))
    while not other.started:
        await asyncio.sleep(0.01)
    try:
        yield sockets[0].getsockname()[1], sockets[1].getsockname()[1]
    finally:
        other.should_exit = True
        await running
        await own.stop()
        for one in sockets:
            one.close()


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


REQUESTS = {
    "a prediction": request("POST", "/predict/churn", b'{"tenure": 50}', KEY),
    "a batch": request("POST", "/predict/churn", b"[" + b",".join([b'{"tenure": 1}'] * 2000) + b"]", KEY),
    "a query": request("POST", "/predict/churn?explain=2&version=10", b'{"tenure": 50}', KEY),
    "an inference": request(
        "POST", "/v2/models/churn/infer",
        b'{"inputs":[{"name":"tenure","shape":[1],"datatype":"FP64","data":[5]}]}', KEY,
    ),
    "metadata": request("GET", "/v2/models/churn", b"", KEY),
    "health": request("GET", "/v2/health/live"),
    "no key": request("POST", "/predict/churn", b'{"tenure": 50}'),
    "a strange key": request("POST", "/predict/churn", b'{"tenure": 50}', "Authorization: Bearer no"),
    "no such path": request("GET", "/nothing", b"", KEY),
    "no such model": request("POST", "/predict/nothing", b"{}", KEY),
    "another method": request("DELETE", "/predict/churn", b"", KEY),
    "broken JSON": request("POST", "/predict/churn", b"{", KEY),
    "a gzip that is none": request("POST", "/predict/churn", b"{}", KEY, "Content-Encoding: gzip"),
    "an id": request("POST", "/predict/churn", b'{"tenure": 50}', KEY, "X-Request-ID: mine"),
    "a length that lies": request("POST", "/predict/churn", b"", KEY).replace(b"Length: 0", b"Length: 99999999999"),
}  # fmt: skip


def test_the_scoring_api_over_both_edges(run: Run, world: Any) -> None:
    async def scenario() -> None:
        async with both(world.core) as ports:
            for name, data in REQUESTS.items():
                told: list[Answer] = []
                for port in ports:
                    async with call(port) as caller:
                        await caller.send(data)
                        told.append(await caller.answer())
                own, other = (
                    one.headers | {"date": "", "x-request-id": one.headers.get("x-request-id", "")[:4]}
                    for one in told
                )
                assert (told[0].status, told[0].body) == (told[1].status, told[1].body), name
                assert own == other, name
            assert told[0].status == 413

    run(scenario())
