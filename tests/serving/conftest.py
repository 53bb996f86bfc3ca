"""Two tenants with served models over a stand-in for plans, whose scores can be worked out by hand.

The real plans are scored in ``test_worker.py``; here it is the protocol that counts.
"""

import asyncio
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serving.bench import Bench
from tests.serving.residency_place import Place

from tenantry.errors import Corrupt, InvalidData
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.serving import Core, Limits, Residency, Response, State
from tenantry.serving.metrics import Metrics
from tenantry.serving.stats import Stats
from tenantry.serving.stats_merged import Merged
from tenantry.tenancy import TenantId

NOW = 1_000.0
KEYS = {
    "acme-admin": ("admin", "acme"),
    "acme-builder": ("builder", "acme"),
    "acme-scorer": ("scorer", "acme"),
    "acme-viewer": ("viewer", "acme"),
    "bolt-admin": ("admin", "bolt"),
    "operator": ("operator", None),
    "acme-expired": ("admin", "acme"),
    "acme-odd": ("emperor", "acme"),
}


class FakePlan:
    """Scores: the mean of the numbers sent (text counts by its length), squeezed into the task's range."""

    def __init__(self, meta: PlanMeta) -> None:
        self.meta = meta
        self.columns = tuple(column.name for column in meta.signature.inputs)
        self.n_outputs = max(1, len(meta.signature.classes)) if meta.signature.task is Task.MULTICLASS else 1
        self.nbytes = 1000
        self.batch = 1
        self.head = meta

    def score(self, record: Mapping[str, Any], /) -> tuple[float, ...]:
        values = [record.get(name) for name in self.columns]
        total = 0.0
        for name, value in zip(self.columns, values, strict=True):
            if isinstance(value, (list, dict)):
                raise InvalidData("record_value", f"column {name!r} holds a {type(value).__name__}")
            if isinstance(value, str):
                total += len(value)
            elif value is not None and not math.isnan(value):
                total += float(value)
        if self.n_outputs > 1:
            top = round(total) % self.n_outputs
            return tuple(0.5 if i == top else 0.5 / (self.n_outputs - 1) for i in range(self.n_outputs))
        return (total,) if self.meta.signature.task is Task.REGRESSION else (min(1.0, total / 100),)

    def score_rows(self, records: list[dict[str, Any]], /) -> list[tuple[float, ...]]:
        return [self.score(record) for record in records]

    def score_columns(self, columns: Sequence[Any], rows: int, /) -> bytes:
        assert len(columns) == len(self.columns)
        scores = array("d")
        for row in range(rows):
            named = zip(self.columns, columns, strict=True)
            scores.extend(self.score({name: column[row] for name, column in named if column is not None}))
        return scores.tobytes()


class FakeRuntime:
    """Opens files that hold a plan's metadata in JSON."""

    def __init__(self) -> None:
        self.opened: list[Path] = []
        self.trims = 0

    def open(self, path: Path, /) -> FakePlan:
        self.opened.append(path)
        try:
            return FakePlan(msgspec.json.decode(path.read_bytes(), type=PlanMeta))
        except msgspec.DecodeError as error:
            raise Corrupt("plan_corrupt", f"{path}: {error}") from error

    def trim(self) -> None:
        self.trims += 1

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        assert isinstance(plan, FakePlan)
        return [
            {"column": name, "value": str(record.get(name)), "contribution": 1.0, "text": f"{name}: {output}"}
            for name in plan.columns[:k]
        ]


def meta_of(task: Task, classes: tuple[str, ...] = (), positive: str | None = None) -> PlanMeta:
    inputs = (
        Column(name="tenure", type=SemanticType.NUMBER),
        Column(name="Contract", type=SemanticType.CATEGORY),
        Column(name="charges", type=SemanticType.CURRENCY),
    )
    signature = Signature(task=task, inputs=inputs, classes=classes, positive_class=positive, threshold=0.4)
    return PlanMeta(
        signature=signature,
        columns=tuple(ColumnMeta(column=column) for column in inputs),
        target="Churn",
        expected=(0.0,),
    )


class World:
    """A home folder with models, a core over it, and a way to ask it."""

    def __init__(self, home: Path, limits: Limits) -> None:
        self.home = home
        self.runtime = FakeRuntime()
        loader = ThreadPoolExecutor(1)
        residency = Residency(home, {"plan": self.runtime}, 1 << 30, loader)
        merged = Merged(home / "stats", Stats(0, lambda *_: True), ThreadPoolExecutor(1), reused_seconds=0.0)
        self.state = State(residency, limits, merged=merged, metrics=Metrics(merged))
        self.core = Core(self.state, lambda: NOW)

    def store(self, tenant: str, meta: PlanMeta) -> VersionRef:
        data = msgspec.json.encode(meta)
        digest = sha256(data + tenant.encode()).hexdigest()
        path = self.home / "blobs" / tenant / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return VersionRef(path=str(path.relative_to(self.home)), sha256=sha256(data).hexdigest())

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | list[Any] = b"",
        key: str | None = "acme-scorer",
        query: bytes = b"",
        **headers: str,
    ) -> Response:
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        if key is not None:
            sent[b"authorization"] = b"Bearer " + key.encode()
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.core.handle(method, path, query, sent, raw)

    def told(self, *args: Any, **kwargs: Any) -> Any:
        """Ask, and read the JSON of a good reply."""
        response = self.ask(*args, **kwargs)
        assert response.status == 200, response.body
        return msgspec.json.decode(response.body)

    def refused(self, status: int, code: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Ask, and read the error."""
        response = self.ask(*args, **kwargs)
        error: dict[str, Any] = msgspec.json.decode(response.body)
        assert (response.status, error["code"]) == (status, code), error
        assert error["error"]
        assert error["hint"]
        return error


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    def make(**limits: Any) -> World:
        world = World(tmp_path, Limits(**limits))
        binary = world.store("acme", meta_of(Task.BINARY, ("No", "Yes"), "Yes"))
        swapped = world.store("acme", meta_of(Task.BINARY, ("Yes", "No"), "Yes"))
        many = world.store("acme", meta_of(Task.MULTICLASS, ("a", "b", "c")))
        value = world.store("acme", meta_of(Task.REGRESSION))
        alias = {"champion": "1"}
        endpoints = {
            TenantId("acme"): {
                "churn": Endpoint(
                    versions={"1": binary, "2": swapped, "10": binary},
                    aliases={"champion": "1", "challenger": "2"},
                ),
                "segment": Endpoint(versions={"1": many}, aliases=alias),
                "value": Endpoint(versions={"1": value}, aliases=alias),
                "unpublished": Endpoint(versions={"1": value}),
            },
            TenantId("bolt"): {
                "secret": Endpoint(
                    versions={"1": world.store("bolt", meta_of(Task.REGRESSION))}, aliases=alias
                )
            },
        }
        keys = {
            sha256(secret.encode()).hexdigest(): KeyEntry(
                id=secret,
                role=role,
                tenant=TenantId(tenant) if tenant else None,
                expires=NOW if secret == "acme-expired" else NOW + 1,
            )
            for secret, (role, tenant) in KEYS.items()
        }
        world.state.swap(EndpointTable(number=1, created=NOW, keys=keys, endpoints=endpoints))
        return world

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def on_loop(make_world: Callable[..., Any]) -> Callable[..., Any]:
    def run(scenario: Callable[[Bench], Any], **limits: Any) -> Any:
        async def main() -> Any:
            return await scenario(Bench(make_world(**limits)))

        return asyncio.run(main())

    return run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ThreadPoolExecutor(1) as loader:
        yield Place(tmp_path, loader)
