import hashlib
import multiprocessing
from pathlib import Path

import pyarrow as pa
import pytest

from tenantry.access import Role, digest_of
from tenantry.app.services import Services, open_services
from tenantry.bundle import FILES, PLAN, DataSource, Manifest, Metric, ParityReceipt, save
from tenantry.routing import load_current
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.settings import load_settings
from tenantry.tenancy import TenantId, tenant_id

ACME, BETA = tenant_id("acme"), tenant_id("beta")


def _open(home: Path) -> Services:
    return open_services(load_settings({}, overrides={"home": str(home), "log_level": "error"}))


@pytest.fixture
def services(tmp_path: Path):
    opened = _open(tmp_path / "home")
    for tenant in (ACME, BETA):
        opened.directory.create_tenant(tenant)
    yield opened
    opened.close()


def _register(services: Services, tenant: TenantId, model: str, plan: bytes) -> int:
    snapshot = services.datasets.save(tenant, model, pa.table({"a": ["1"]}), "test")
    receipt = ParityReceipt(
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        rows=1,
        hostile_rows=1,
        kernel_twin=0.0,
        plan_pipeline=0.0,
        tolerance=1e-6,
    )
    manifest = Manifest(
        prediction=model,
        created=0.0,
        task=Task.BINARY,
        signature=Signature(
            task=Task.BINARY, inputs=(Column(name="a", type=SemanticType.NUMBER),), classes=("0", "1")
        ),
        metrics=(Metric(name="auroc", value=0.8, low=0.7, high=0.9, guessing=0.5),),
        feature_plan=(),
        data=DataSource(snapshot=snapshot.digest, rows=1),
        seed=0,
        budget_cpu_seconds=1.0,
        library_versions={},
        receipt=receipt,
    )
    digest = save(services.blobs, tenant, dict.fromkeys(FILES, b"x") | {PLAN: plan}, manifest)
    return services.registry.register(tenant, model, digest, receipt, snapshot.digest, {}).number


def test_the_table_holds_keys_versions_and_aliases_of_every_tenant(services: Services) -> None:
    assert _register(services, ACME, "churn", b"plan 1") == 1
    assert _register(services, ACME, "churn", b"plan 2") == 2
    _register(services, BETA, "churn", b"plan 1")
    services.registry.set_alias(ACME, "churn", "champion", 2)
    key, secret = services.directory.create_key(ACME, Role.SCORER)
    _, operator = services.directory.create_key(None, Role.OPERATOR)

    table = services.publisher.publish()

    assert table == load_current(services.settings.endpoints)
    assert table.number == 1
    entry = table.keys[digest_of(secret)]
    assert (entry.id, entry.role, entry.tenant) == (key.id, "scorer", ACME)
    assert table.keys[digest_of(operator)].tenant is None
    target = table.resolve(ACME, "churn")
    assert target is not None
    assert target.version == "2"
    assert (services.settings.home / target.ref.path).read_bytes() == b"plan 2"
    assert not Path(target.ref.path).is_absolute()
    first = table.resolve(ACME, "churn", "1")
    assert first is not None
    assert (services.settings.home / first.ref.path).read_bytes() == b"plan 1"
    assert table.resolve(BETA, "churn") is None
    assert table.resolve(BETA, "churn", "1") is not None


def test_publishing_without_a_change_writes_nothing_and_a_change_raises_the_number(
    services: Services,
) -> None:
    first = services.publisher.publish()
    assert services.publisher.publish() == first
    services.directory.create_key(ACME, Role.VIEWER)
    assert services.publisher.publish().number == first.number + 1


def test_old_tables_are_removed(services: Services) -> None:
    for _ in range(8):
        services.directory.create_key(ACME, Role.VIEWER)
        services.publisher.publish()
    assert len(list(services.settings.endpoints.glob("*.table"))) <= 4


def test_a_revoked_key_is_gone_from_the_table(services: Services) -> None:
    key, secret = services.directory.create_key(ACME, Role.SCORER)
    assert digest_of(secret) in services.publisher.publish().keys
    services.directory.revoke(ACME, key.id)
    assert digest_of(secret) not in services.publisher.publish().keys


def test_a_version_whose_plan_is_lost_is_left_out_and_the_others_are_served(services: Services) -> None:
    _register(services, ACME, "churn", b"plan 1")
    _register(services, ACME, "churn", b"plan 2")
    services.registry.set_alias(ACME, "churn", "champion", 1)
    services.registry.set_alias(ACME, "churn", "challenger", 2)
    services.blobs.delete(ACME, hashlib.sha256(b"plan 2").hexdigest())
    endpoint = services.publisher.publish().endpoints[ACME]["churn"]
    assert set(endpoint.versions) == {"1"}
    assert endpoint.aliases == {"champion": "1"}


@pytest.mark.parametrize("damage", ["pointer", "table"])
def test_a_damaged_table_is_built_again_with_a_higher_number(services: Services, damage: str) -> None:
    _, secret = services.directory.create_key(ACME, Role.SCORER)
    number = services.publisher.publish().number
    folder = services.settings.endpoints
    path = folder / "current" if damage == "pointer" else next(folder.glob("*.table"))
    path.write_bytes(b"rubbish")
    table = services.publisher.publish()
    assert table.number > number
    assert digest_of(secret) in table.keys
    assert load_current(folder) == table


def _change_and_publish(home: str, count: int) -> None:
    services = _open(Path(home))
    for _ in range(count):
        services.directory.create_key(ACME, Role.SCORER)
        services.publisher.publish()
    services.close()


def test_publishers_in_several_processes_lose_no_change(services: Services) -> None:
    context = multiprocessing.get_context("spawn")
    home = str(services.settings.home)
    others = [context.Process(target=_change_and_publish, args=(home, 10)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0, 0]
    table = load_current(services.settings.endpoints)
    assert table is not None
    assert len(table.keys) == 30
