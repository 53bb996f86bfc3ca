"""A real installation in a folder, and models that cost nothing to train."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenantry.app.services import Services, open_services
from tenantry.apps import PredictionDefinition
from tenantry.automl.model import TrainedModel
from tenantry.bundle import ColumnReport, Metric, ParityReceipt, Scorecard
from tenantry.schema import Column, Role, SemanticType, Signature, Task
from tenantry.settings import load_settings
from tenantry.tenancy import TenantId, tenant_id

ACME = tenant_id("acme")
DEFINITION = PredictionDefinition(name="churn", target="churned", budget_cpu_seconds=1.0)


def open_home(home: Path, *tenants: TenantId) -> Services:
    """Services over a home folder, with the tenants in it."""
    services = open_services(load_settings({}, overrides={"home": str(home), "log_level": "error"}))
    known = {tenant.id for tenant in services.directory.tenants()}
    for tenant in tenants:
        if tenant not in known:
            services.directory.create_tenant(tenant)
    return services


def table(rows: int = 60, seed: int = 0) -> pa.Table:
    """A table in which ``months`` tells who churns."""
    months = [(seed + row * 7) % 24 for row in range(rows)]
    return pa.table(
        {
            "months": [str(month) for month in months],
            "plan": [("basic", "plus", "pro")[row % 3] for row in range(rows)],
            "churned": ["yes" if month < 9 else "no" for month in months],
        }
    )


def model(auroc: float = 0.8, *, plan: bytes = b"a plan", **changes: Any) -> TrainedModel:
    """A trained model of which only the papers are real."""
    signature = Signature(
        task=changes.get("task", Task.BINARY),
        inputs=(Column(name="months", type=SemanticType.NUMBER),),
        classes=("no", "yes"),
        positive_class="yes",
    )
    card = Scorecard(
        prediction="churn",
        target="churned",
        task=signature.task,
        classes=signature.classes,
        positive_class="yes",
        threshold=0.5,
        rows=60,
        metrics=(Metric(name="auroc", value=auroc, low=auroc - 0.05, high=auroc + 0.05, guessing=0.5),),
        verdict="It tells them apart.",
        columns=(ColumnReport(name="months", type=SemanticType.NUMBER, role=Role.FEATURE, impact=1.0),),
        findings=(),
        curves={},
        members={},
        cpu_seconds=0.1,
        budget_cpu_seconds=1.0,
        plan_bytes=len(plan),
        seed=0,
        proven=changes.get("proven", True),
    )
    receipt = ParityReceipt(
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        rows=60,
        hostile_rows=10,
        kernel_twin=0.0,
        plan_pipeline=1e-9,
        tolerance=1e-6,
    )
    return TrainedModel(
        plan=plan,
        signature=signature,
        scorecard=card,
        receipt=receipt,
        feature_plan=("months: as a number",),
        reference={
            "rows": 60,
            "features": {
                "tenure": {"type": "number", "missing": 0, "edges": [12.0, 24.0], "counts": [20, 20, 20]}
            },
        },
        model_card="# churn\n",
        seed=0,
        library_versions={"lightgbm": "4"},
    )


class FakeTrainer:
    """Hands out prepared models, and remembers what it was asked for."""

    def __init__(self, *models: TrainedModel) -> None:
        self.models = list(models)
        self.calls: list[tuple[TenantId, pa.Table, PredictionDefinition]] = []

    def __call__(
        self, tenant: TenantId, table: pa.Table, definition: PredictionDefinition, **_options: Any
    ) -> TrainedModel:
        self.calls.append((tenant, table, definition))
        progress = _options["progress"]
        if progress is not None:
            progress("learn", 0.5, "half")
        return self.models.pop(0)
