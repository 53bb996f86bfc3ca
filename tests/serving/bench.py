"""A scheduler on a loop over the tenants of the tests, with a gate and a recorder."""

import asyncio
from typing import Any

import msgspec

from tenantry.admission import Gate, Policy
from tenantry.routing import Endpoint, TenantEntry
from tenantry.serving import Response, Scheduler, Work
from tenantry.serving.tasks import fair_queue

CHURN = "/predict/churn"
RECORD = b'{"tenure": 1}'


class Recorded:
    def __init__(self) -> None:
        self.works: list[Work] = []
        self.shadows: list[tuple[Work, Work, str]] = []

    def finished(self, work: Work) -> None:
        self.works.append(work)

    def shadowed(self, work: Work, copy: Work, rollout: str) -> None:
        self.shadows.append((work, copy, rollout))


class Bench:
    """A world on a loop, with a gate and a recorder."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.state = world.state
        self.recorded = Recorded()
        self.state.gate = Gate(fair_queue())
        world.core.recorders = (self.recorded,)
        world.core.now = lambda: 1_000.0
        self.scheduler = Scheduler(world.core, asyncio.get_running_loop())

    def change(
        self, *, tenant: TenantEntry | None = None, policy: Policy | None = None, **endpoint: Any
    ) -> None:
        """Publish another table: acme's churn and acme itself changed."""
        table = self.state.table
        churn: Endpoint = table.endpoints["acme"]["churn"]
        acme = {**table.endpoints["acme"], "churn": msgspec.structs.replace(churn, **endpoint)}
        self.state.swap(
            msgspec.structs.replace(
                table,
                number=table.number + 1,
                endpoints={**table.endpoints, "acme": acme},
                tenants={} if tenant is None else {"acme": tenant},
                policies={} if policy is None else {"standard": policy},
            )
        )

    def send(
        self, body: bytes = RECORD, path: str = CHURN, key: bytes = b"acme-scorer", **headers: bytes
    ) -> "asyncio.Future[Response]":
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        sent = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        work = self.world.core.begin("POST", path, b"", {b"authorization": b"Bearer " + key, **sent})
        if isinstance(work, Response):
            future.set_result(work)
        else:
            self.scheduler.submit(work, body, future.set_result)
        return future


def header(response: Response, name: bytes) -> bytes | None:
    return dict(response.headers).get(name)


def code(response: Response) -> str:
    found: str = msgspec.json.decode(response.body)["code"]
    return found
