"""An installation with three tenants, one of which has everything, and a client without a socket."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from tests.insights.papers import INSIGHTS, SAMPLE
from tests.serving.plans import small_plan
from tests.workflows.installation import DEFINITION, FakeTrainer, model, open_home, table

from tenantry.access import Role
from tenantry.api.application import create_app
from tenantry.app.control import control_plane
from tenantry.app.services import Services, operator_secret
from tenantry.apps import PredictionDefinition
from tenantry.deployments.rollouts import Rollout, RolloutPlan
from tenantry.deployments.rollouts_control import start_rollout, stop_rollout
from tenantry.plan import Plan
from tenantry.ports.jobs import Job
from tenantry.tenancy import TenantId, tenant_id
from tenantry.workflows import request_training, schedule_retraining, train_prediction

ACME, BOLT, COIL = tenant_id("acme"), tenant_id("bolt"), tenant_id("coil")
TENANT_ROLES = (Role.ADMIN, Role.BUILDER, Role.SCORER, Role.VIEWER)


class House:
    """acme has the data set, prediction and model ``churn`` (two versions, the second a rollback's target), a
    finished job, a schedule, a stopped rollout, and a key of each role; bolt and coil have keys only."""

    def __init__(self, home: Path) -> None:
        self.services: Services = open_home(home, ACME, BOLT, COIL)
        self.operator = operator_secret(self.services)
        self.keys: dict[tuple[TenantId, Role], str] = {}
        self.key_ids: dict[tuple[TenantId, Role], str] = {}
        for tenant in (ACME, BOLT, COIL):
            for role in TENANT_ROLES:
                key, secret = self.services.directory.create_key(tenant, role)
                self.keys[tenant, role], self.key_ids[tenant, role] = secret, key.id
        self.snapshot = self.services.datasets.save(ACME, "churn", table(), "churn.csv")
        self.jobs = [
            finish_training(self.services, ACME, 0.80),  # as an older release would have: without insights
            finish_training(self.services, ACME, 0.85, papers={"insights": INSIGHTS, "similar": SAMPLE}),
        ]
        # Due once a year, so that no worker on this home takes it up while a test looks.
        schedule_retraining(self.services, ACME, "churn", every_seconds=365 * 86_400)
        self.rollout = stopped_rollout(self.services, ACME).id
        self.app: Starlette = create_app(control_plane(self.services, data_port=8080))

    def close(self) -> None:
        self.services.close()

    def ask(
        self, method: str, path: str, key: str | None = None, tenant: str | None = None, **more: Any
    ) -> httpx.Response:
        """One request to the control API."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if tenant is not None:
            headers["X-Tenant"] = tenant
        return asyncio.run(_ask(self.app, method, path, headers=headers, **more))

    def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request with acme's admin key."""
        return self.ask(method, path, self.keys[ACME, Role.ADMIN], **more)


async def _ask(app: Starlette, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        return await client.request(method, path, **more)


def finish_training(
    services: Services,
    tenant: TenantId,
    auroc: float,
    definition: PredictionDefinition = DEFINITION,
    papers: dict[str, Any] | None = None,
) -> Job:
    """Queue a training and do it at once, with a model that cost nothing but scores for real."""
    snapshot = services.datasets.latest(tenant, "churn").digest
    job = request_training(services, tenant, definition, snapshot=snapshot)
    claim = services.jobs.claim_job("tests", tenant, job.id, 60.0)
    assert claim is not None
    plan = small_plan(shift=auroc)
    signature = Plan.from_bytes(plan).meta.signature
    trained = dataclasses.replace(model(auroc, plan=plan), signature=signature, **(papers or {}))
    result = train_prediction(
        services,
        job,
        lambda stage, progress, detail: _report(services, claim, stage, progress, detail),
        FakeTrainer(trained),
    )
    assert services.jobs.succeed(claim, result)
    return services.jobs.get(tenant, job.id)


def stopped_rollout(services: Services, tenant: TenantId) -> Rollout:
    """A rollout of ``churn`` that left no trace but its record."""
    started = start_rollout(services, tenant, "churn", RolloutPlan(challenger=1))
    return stop_rollout(services, tenant, "churn", started.id)


def _report(services: Services, claim: Any, stage: str, progress: float, detail: str) -> None:
    assert services.jobs.report(claim, stage, progress, detail)
