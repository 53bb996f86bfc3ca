from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.workflows.installation import ACME, DEFINITION, FakeTrainer, model, open_home, table

from tenantry.app.services import Services
from tenantry.apps import PredictionDefinition
from tenantry.bundle import load_manifest, load_scorecard, plan_path, verify
from tenantry.errors import Cancelled, InvalidData, InvalidRequest, NotFound, TenantryError
from tenantry.ports.jobs import Job
from tenantry.routing import load_current
from tenantry.schema import Task
from tenantry.tenancy import TenantId, tenant_id
from tenantry.workflows import promote, request_training, roll_back, train_prediction

BETA = tenant_id("beta")


class Stop(Exception):
    """Stands for kill -9."""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_home(tmp_path / "home", ACME, BETA)
    yield opened
    opened.close()


def _quiet(*_step: object) -> None:
    return None


def _ask(services: Services, tenant: TenantId = ACME, *, seed: int = 0, **changes: Any) -> Job:
    snapshot = services.datasets.save(tenant, "churn", table(seed=seed), "test").digest
    return request_training(
        services, tenant, msgspec.structs.replace(DEFINITION, **changes), snapshot=snapshot
    )


def _train(services: Services, auroc: float = 0.8, tenant: TenantId = ACME, **changes: Any) -> dict[str, Any]:
    job = _ask(services, tenant)
    return train_prediction(services, job, _quiet, FakeTrainer(model(auroc, **changes)))


def test_where_nothing_can_be_learnt_the_job_is_refused_and_the_champion_goes_on(services: Services) -> None:
    assert _train(services)["promoted"]
    job = _ask(services)
    with pytest.raises(InvalidData) as refused:
        train_prediction(services, job, _quiet, FakeTrainer(model(0.52, proven=False)))
    assert refused.value.code == "nothing_to_learn"
    assert "ranks 52% of pairs rightly (95 %: 47% to 57%), and a coin 50%" in refused.value.message
    assert "60 can only show a model whose auroc beats guessing by about 0.05" in refused.value.hint
    assert refused.value.details["columns"] == ["months"]
    assert [version.number for version in services.registry.versions(ACME, "churn")] == [1]
    assert services.registry.aliases(ACME, "churn") == {"champion": 1}


def test_a_definition_may_keep_what_is_not_proven(services: Services) -> None:
    job = _ask(services, unproven="keep")
    result = train_prediction(services, job, _quiet, FakeTrainer(model(0.52, proven=False)))
    assert result["promoted"]


def test_a_training_ends_in_a_served_champion(services: Services) -> None:
    job = _ask(services)
    steps: list[tuple[str, float]] = []
    trainer = FakeTrainer(model())
    result = train_prediction(
        services, job, lambda stage, share, _detail: steps.append((stage, share)), trainer
    )

    assert (result["model"], result["version"], result["promoted"]) == ("churn", 1, True)
    assert [stage for stage, _ in steps] == [
        "ingest",
        "ingest",
        "learn",
        "register",
        "gate",
        "promote",
        "publish",
    ]
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert trainer.calls[0][1].equals(table())
    version = services.registry.version(ACME, "churn")
    manifest = verify(services.blobs, ACME, version.bundle)
    assert manifest.job == job.id
    assert manifest.data.snapshot == version.snapshot == result["snapshot"]
    assert manifest.definition["target"] == "churned"
    assert load_scorecard(services.blobs, ACME, manifest).verdict == "It tells them apart."
    endpoints = load_current(services.settings.endpoints)
    assert endpoints is not None
    target = endpoints.resolve(ACME, "churn")
    assert target is not None
    assert services.settings.home / target.ref.path == plan_path(services.blobs, ACME, manifest)
    assert endpoints.endpoint(BETA, "churn") is None


def test_a_better_version_is_promoted_and_a_worse_one_waits_as_challenger(services: Services) -> None:
    _train(services, 0.80)
    assert _train(services, 0.82, plan=b"better")["promoted"]
    result = _train(services, 0.60, plan=b"worse")
    assert not result["promoted"]
    assert "auroc" in result["gate"]["reason"]
    assert services.registry.aliases(ACME, "churn") == {"champion": 2, "challenger": 3}
    endpoints = load_current(services.settings.endpoints)
    assert endpoints is not None
    assert endpoints.endpoints[ACME]["churn"].aliases == {"champion": "2", "challenger": "3"}


def test_a_model_of_another_task_waits(services: Services) -> None:
    _train(services)
    result = _train(services, 0.99, task=Task.MULTICLASS, plan=b"other")
    assert not result["promoted"]


@pytest.mark.parametrize("stage", ["ingest", "learn", "register", "gate", "promote", "publish"])
def test_a_job_that_is_cut_short_anywhere_goes_on_when_it_is_run_again(
    services: Services, stage: str
) -> None:
    _train(services, 0.8, plan=b"old")
    job = _ask(services, seed=1)

    def report(reached: str, _share: float, _detail: str) -> None:
        if reached == stage:
            raise Stop

    with pytest.raises(Stop):
        train_prediction(services, job, report, FakeTrainer(model(0.9)))
    for version in services.registry.versions(ACME, "churn"):
        verify(services.blobs, ACME, version.bundle)
    again = FakeTrainer(model(0.9))
    result = train_prediction(services, job, _quiet, again)
    assert (result["version"], result["promoted"]) == (2, True)
    assert len(services.registry.versions(ACME, "churn")) == 2
    assert bool(again.calls) is (stage in ("ingest", "learn", "register"))
    third = train_prediction(services, job, _quiet, FakeTrainer())
    assert third["version"] == 2
    assert len(services.registry.alias_history(ACME, "churn")) == 2


def test_a_repeat_does_not_undo_a_rollback(services: Services) -> None:
    _train(services, 0.8, plan=b"old")
    job = _ask(services)
    train_prediction(services, job, _quiet, FakeTrainer(model(0.9)))
    roll_back(services, ACME, "churn")
    train_prediction(services, job, _quiet, FakeTrainer())
    assert services.registry.aliases(ACME, "churn")["champion"] == 1


def test_a_worker_that_lost_its_job_registers_nothing(services: Services) -> None:
    job = _ask(services)
    with pytest.raises(Cancelled) as caught:
        train_prediction(services, job, _quiet, FakeTrainer(model()), still_mine=lambda: False)
    assert caught.value.code == "job_not_mine"
    with pytest.raises(NotFound):
        services.registry.versions(ACME, "churn")


def test_a_file_becomes_a_snapshot_once(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "Customers of May.csv"
    path.write_text("months,churned\n" + "".join(f"{n},{'yes' if n < 30 else 'no'}\n" for n in range(60)))
    job = request_training(services, ACME, DEFINITION, file=path, dataset="customers")
    first = train_prediction(services, job, _quiet, FakeTrainer(model()))
    second = train_prediction(
        services,
        request_training(services, ACME, DEFINITION, file=path, dataset="customers"),
        _quiet,
        FakeTrainer(model(0.9)),
    )
    assert first["snapshot"] == second["snapshot"]
    (snapshot,) = services.datasets.snapshots(ACME, "customers")
    assert (snapshot.rows, snapshot.source) == (60, "Customers of May.csv")


def test_the_latest_snapshot_of_the_data_set_is_the_default(services: Services) -> None:
    services.datasets.save(ACME, "churn", table(seed=1), "old")
    latest = services.datasets.save(ACME, "churn", table(seed=2), "new")
    job = request_training(services, ACME, DEFINITION)
    assert job.payload["snapshot"] == latest.digest
    assert services.definitions.get(ACME, "churn") == DEFINITION


def test_a_request_for_what_is_not_the_tenants_is_refused(services: Services) -> None:
    snapshot = services.datasets.save(BETA, "churn", table(), "test")
    with pytest.raises(NotFound):
        request_training(services, ACME, DEFINITION, snapshot=snapshot.digest)
    with pytest.raises(NotFound):
        request_training(services, ACME, DEFINITION)
    with pytest.raises(NotFound):
        request_training(services, tenant_id("nobody"), DEFINITION, file=Path("x.csv"))
    with pytest.raises(InvalidRequest):
        request_training(services, ACME, DEFINITION, snapshot=snapshot.digest, file=Path("x.csv"))
    with pytest.raises(InvalidRequest):
        request_training(
            services, ACME, PredictionDefinition(name="a/b", target="x"), snapshot=snapshot.digest
        )
    assert not services.jobs.list(ACME)


def test_the_same_key_asks_once(services: Services) -> None:
    snapshot = services.datasets.save(ACME, "churn", table(), "test").digest
    first = request_training(services, ACME, DEFINITION, snapshot=snapshot, key="monday")
    assert request_training(services, ACME, DEFINITION, snapshot=snapshot, key="monday").id == first.id


def test_a_definition_that_does_not_fit_the_table_fails_before_training(services: Services) -> None:
    trainer = FakeTrainer(model())
    with pytest.raises(TenantryError) as caught:
        train_prediction(services, _ask(services, target="left"), _quiet, trainer)
    assert caught.value.code == "target_missing"
    assert not trainer.calls


def test_promotion_and_rollback_reach_the_endpoint_table(services: Services) -> None:
    _train(services, 0.8, plan=b"one")
    _train(services, 0.5, plan=b"two")

    def served() -> str:
        endpoints = load_current(services.settings.endpoints)
        assert endpoints is not None
        target = endpoints.resolve(ACME, "churn")
        assert target is not None
        return target.version

    assert served() == "1"
    assert promote(services, ACME, "churn", "challenger").number == 2
    assert served() == "2"
    assert roll_back(services, ACME, "churn").number == 1
    assert served() == "1"
    with pytest.raises(NotFound):
        promote(services, BETA, "churn", "1")


def test_two_tenants_models_of_one_name_have_nothing_in_common(services: Services) -> None:
    ours = _train(services, plan=b"ours")
    theirs = _train(services, tenant=BETA, plan=b"theirs")
    assert ours["bundle"] != theirs["bundle"]
    assert load_manifest(services.blobs, ACME, ours["bundle"]).data.rows == 60
    with pytest.raises(NotFound):
        load_manifest(services.blobs, BETA, ours["bundle"])
