"""Small real plans, and home folders that serve them."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tenantry.access import digest_of
from tenantry.plan import compile_plan
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    Linear,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    Tree,
)
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef, next_number, save
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.tenancy import TenantId

F32, I32 = np.float32, np.int32
CONTRACTS = ("Month-to-month", "One year", "Two year")


def small_plan(task: Task = Task.BINARY, shift: float = 0.0) -> bytes:
    """Four columns (two numbers, a category, a date), one tree an output, a linear member."""
    classes = {Task.BINARY: ("No", "Yes"), Task.MULTICLASS: ("low", "mid", "high")}.get(task, ())
    outputs = 3 if task is Task.MULTICLASS else 1
    inputs = (
        Column(name="tenure", type=SemanticType.NUMBER),
        Column(name="MonthlyCharges", type=SemanticType.CURRENCY),
        Column(name="Contract", type=SemanticType.CATEGORY),
        Column(name="signed", type=SemanticType.DATE),
    )
    meta = PlanMeta(
        signature=Signature(
            task=task, inputs=inputs, classes=classes, positive_class="Yes" if task is Task.BINARY else None
        ),
        columns=tuple(ColumnMeta(column=column, impact=0.25) for column in inputs),
        target="Churn",
        expected=(0.0,) * outputs,
    )
    kinds = {Task.BINARY: "sigmoid", Task.MULTICLASS: "softmax", Task.REGRESSION: "linear"}
    spec = PlanSpec(
        task=task,
        n_outputs=outputs,
        n_slots=4,
        columns=_columns(outputs),
        trees=tuple(_tree(output) for output in range(outputs)),
        linear=Linear(
            intercept=np.full(outputs, shift),
            slot=np.array([0], I32),
            mean=np.array([30], F32),
            inv_scale=np.array([0.05], F32),
            fill=np.array([30], F32),
            center=np.array([0], F32),
            weight=np.full((1, outputs), -0.5, F32),
        ),
        base=np.zeros(outputs),
        forest_weight=1.0,
        linear_weight=1.0,
        calibration=Calibration(kind=kinds[task], b=np.zeros(outputs)),  # type: ignore[arg-type]
        meta=msgspec.to_builtins(meta),
    )
    return compile_plan(spec)


def _columns(outputs: int) -> tuple[PlanColumn, ...]:
    return (
        NumberColumn(name="tenure", slot=0),
        NumberColumn(name="MonthlyCharges", slot=1),
        CategoryColumn(
            name="Contract",
            words=CONTRACTS,
            rows=np.array([0, 1, 2], I32),
            missing_row=3,
            unseen_row=3,
            slots=(2,),
            values=np.array([[0.4], [0.1], [0.05], [0.2]], F32),
            weights=np.repeat(np.array([[0.8], [-0.2], [-0.6], [0.0]], F32), outputs, axis=1),
            mean_weight=np.zeros(outputs, F32),
        ),
        DateColumn(name="signed", order="ymd", days=3),
    )


def _tree(output: int) -> Tree:
    return Tree(
        output=output,
        feature=np.array([1, 2], I32),
        threshold=np.array([60 + 10 * output, 0.2], F32),
        default_left=np.array([True, False]),
        left=np.array([~0, ~1], I32),
        right=np.array([1, ~2], I32),
        value=np.array([-0.3, 0.2, 0.9], F32),
        cover=np.array([100.0, 60.0]),
        leaf_cover=np.array([40.0, 30.0, 30.0]),
    )


def store_plan(home: Path, tenant: str, data: bytes) -> VersionRef:
    """Put a plan where the blob store would."""
    digest = sha256(data).hexdigest()
    path = home / "blobs" / tenant / digest[:2] / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return VersionRef(path=str(path.relative_to(home)), sha256=digest)


def publish(
    home: Path, keys: Mapping[str, tuple[str, str | None]], models: Mapping[str, Mapping[str, Any]]
) -> EndpointTable:
    """Publish keys (secret → role and tenant) and models (tenant → name → endpoint)."""
    folder = home / "endpoints"
    table = EndpointTable(
        number=next_number(folder),
        created=0.0,
        keys={
            digest_of(secret): KeyEntry(id=secret, role=role, tenant=TenantId(tenant) if tenant else None)
            for secret, (role, tenant) in keys.items()
        },
        endpoints={TenantId(tenant): dict(named) for tenant, named in models.items()},
    )
    save(folder, table)
    return table


KEYS: dict[str, tuple[str, str | None]] = {
    "tnk_acme": ("scorer", "acme"),
    "tnk_bolt": ("admin", "bolt"),
    "tnk_operator": ("operator", None),
}


def furnish(home: Path) -> EndpointTable:
    """A home folder with two tenants: acme has churn (two versions), segment and value; bolt has secret."""
    one = store_plan(home, "acme", small_plan())
    two = store_plan(home, "acme", small_plan(shift=1.0))
    alias = {"champion": "1"}
    models = {
        "acme": {
            "churn": Endpoint(versions={"1": one, "2": two}, aliases={"champion": "1", "challenger": "2"}),
            "segment": Endpoint(
                versions={"1": store_plan(home, "acme", small_plan(Task.MULTICLASS))}, aliases=alias
            ),
            "value": Endpoint(
                versions={"1": store_plan(home, "acme", small_plan(Task.REGRESSION))}, aliases=alias
            ),
        },
        "bolt": {"secret": Endpoint(versions={"1": store_plan(home, "bolt", small_plan())}, aliases=alias)},
    }
    return publish(home, KEYS, models)
