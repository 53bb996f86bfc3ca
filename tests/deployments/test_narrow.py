"""Publishing what changed comes to the same table as building it anew, whoever changed what in which order."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.deployments.test_publish import ACME, BETA, _open, _register

from tenantry import deployments
from tenantry.access import Role, digest_of
from tenantry.admission import Policy, Quota
from tenantry.app.services import Services
from tenantry.deployments import Export
from tenantry.errors import Conflict, NotFound
from tenantry.routing import EndpointTable, load_current
from tenantry.routing.rules import Alias, Canary, Pin, Rule
from tenantry.tenancy import TenantId

PARTS = ("keys", "tenants", "endpoints", "policies", "rules")
Step = Callable[[Services, random.Random], object]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = _open(tmp_path / "home")
    for tenant in (ACME, BETA):
        opened.directory.create_tenant(tenant)
        for plan in (b"plan 1", b"plan 2"):
            for model in ("churn", "upsell"):
                _register(opened, tenant, model, plan + model.encode())
    opened.publisher.publish()
    yield opened
    opened.close()


def _parts(table: EndpointTable) -> dict[str, object]:
    return {part: getattr(table, part) for part in PARTS}


def _rebuilt(services: Services, folder: Path) -> EndpointTable:
    """The table as a first publisher in an empty folder would make it."""
    (services.settings.home / "endpoints").rename(folder)
    try:
        fresh = _open(services.settings.home)
        table = fresh.publisher.publish()
        fresh.close()
        for path in (services.settings.home / "endpoints").iterdir():
            path.unlink()
        (services.settings.home / "endpoints").rmdir()
    finally:
        folder.rename(services.settings.home / "endpoints")
    return table


def _somewhere(rng: random.Random) -> tuple[TenantId, str]:
    return rng.choice((ACME, BETA)), rng.choice(("churn", "upsell"))


def _key(services: Services, rng: random.Random) -> None:
    owner = rng.choice((ACME, BETA, None))
    services.directory.create_key(owner, Role.OPERATOR if owner is None else Role.SCORER)
    services.publisher.publish_keys(owner)


def _revoke(services: Services, rng: random.Random) -> None:
    owner = rng.choice((ACME, BETA, None))
    for key in services.directory.keys(owner)[:1]:
        services.directory.revoke(owner, key.id)
    services.publisher.publish_keys(owner)


def _alias(services: Services, rng: random.Random) -> None:
    tenant, model = _somewhere(rng)
    services.registry.set_alias(tenant, model, rng.choice(("champion", "qa")), rng.choice((1, 2)))
    services.publisher.publish(tenant, model)


def _version(services: Services, rng: random.Random) -> None:
    tenant, model = _somewhere(rng)
    _register(services, tenant, model, rng.randbytes(8))
    services.publisher.publish(tenant, model)


def _rules(services: Services, rng: random.Random) -> None:
    tenant, model = _somewhere(rng)
    rules = (Rule(name="a", action=Pin(version="1")), Rule(name="b", action=Canary(ref="qa", share=0.5)))
    deployments.put_routes(services, tenant, model, rng.choice((rules, rules[:1], ())))


def _settings(services: Services, rng: random.Random) -> None:
    tenant, model = _somewhere(rng)
    deployments.set_deployment(
        services, tenant, model, policy=rng.choice(("standard", "bulk")), pinned=rng.random() < 0.5
    )
    deployments.set_tags(services, tenant, model, "1", {"stage": rng.choice(("qa", "live"))})


def _tenant(services: Services, rng: random.Random) -> None:
    tenant, _ = _somewhere(rng)
    deployments.change_attributes(services, tenant, {"region": rng.choice(("eu", "us", None))})
    deployments.set_quota(services, tenant, rng.choice((Quota(), Quota(weight=2.0))))


def _platform(services: Services, rng: random.Random) -> None:
    rule = Rule(name="all", action=Alias(alias="champion"))
    deployments.put_platform_routes(services, rng.choice(((), (rule,))))
    deployments.set_policy(services, "gold", Policy(priority=rng.choice((1, 2, 3))))


def _of_tenant(services: Services, rng: random.Random) -> None:
    """Several things of one tenant, published at once."""
    tenant, model = _somewhere(rng)
    services.directory.create_key(tenant, Role.VIEWER)
    services.directory.change_attributes(tenant, {"tier": rng.choice(("a", "b"))})
    services.registry.set_alias(tenant, model, "late", rng.choice((1, 2)))
    services.publisher.publish(tenant)


STEPS: tuple[Step, ...] = (
    _key, _revoke, _alias, _version, _rules, _settings, _tenant, _platform, _of_tenant,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_many_narrow_changes_are_one_whole_table(services: Services, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    second = _open(services.settings.home)  # as another process would, in turn with the first
    for _ in range(40):
        rng.choice(STEPS)(rng.choice((services, second)), rng)
    second.close()
    published = load_current(services.settings.endpoints)
    assert published is not None
    assert _parts(published) == _parts(services.publisher.table())
    assert _parts(published) == _parts(_rebuilt(services, tmp_path / "aside"))
    assert services.publisher.publish().number == published.number  # nothing is left to say


def test_a_narrow_change_touches_nothing_else(services: Services) -> None:
    """What is changed elsewhere, and not published, stays so: the reconcile is for that."""
    before = services.publisher.table()
    services.registry.set_alias(BETA, "churn", "champion", 1)
    _, secret = services.directory.create_key(BETA, Role.SCORER)
    services.registry.set_alias(ACME, "churn", "champion", 2)
    table = services.publisher.publish(ACME, "churn")
    assert table.endpoints[ACME]["churn"].aliases == {"champion": "2"}
    assert table.endpoints[BETA] is before.endpoints[BETA]
    assert table.keys is before.keys
    table = services.publisher.publish()
    assert table.endpoints[BETA]["churn"].aliases == {"champion": "1"}
    assert digest_of(secret) in table.keys


def test_a_narrow_call_on_nothing_published_publishes_everything(services: Services) -> None:
    for path in services.settings.endpoints.iterdir():
        path.unlink()
    _, secret = services.directory.create_key(BETA, Role.SCORER)
    table = services.publisher.publish_tenant(ACME)
    assert digest_of(secret) in table.keys
    assert set(table.endpoints) == {ACME, BETA}


def test_a_narrow_change_writes_a_difference_and_readers_see_the_whole(services: Services) -> None:
    for number in range(120):
        deployments.set_tags(services, ACME, "churn", "1", {"n": str(number)})
    folder = services.settings.endpoints
    table = load_current(folder)
    assert table is not None
    assert table.endpoints[ACME]["churn"].versions["1"].tags == {"n": "119"}
    assert table.endpoints[BETA]["upsell"].versions.keys() == {"1", "2"}
    assert len(list(folder.iterdir())) < 200


def test_threads_that_publish_at_once_lose_nothing(services: Services) -> None:
    made: list[str] = []

    def work(tenant: TenantId) -> None:
        for number in range(8):
            _, secret = services.directory.create_key(tenant, Role.SCORER)
            services.publisher.publish_keys(tenant)
            deployments.set_tags(services, tenant, "churn", "1", {"n": str(number)})
            made.append(digest_of(secret))

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in (ACME, BETA, ACME, BETA)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = load_current(services.settings.endpoints)
    assert table is not None
    assert set(made) <= set(table.keys)
    assert len(made) == 32
    for tenant in (ACME, BETA):
        assert table.endpoints[tenant]["churn"].versions["1"].tags == {"n": "7"}


def test_a_version_that_cannot_be_exported_is_served_by_its_plan(services: Services) -> None:
    """The plans of this test are no plans: the export of each fails, which keeps nobody from anything else."""
    services.deployments.configure(ACME, "churn", runtime="onnx")
    table = services.publisher.publish()
    refs = table.endpoints[ACME]["churn"].versions
    assert {ref.runtime for ref in refs.values()} == {"plan"}
    services.deployments.set_export(ACME, "churn", 1, Export(sha256=services.blobs.put(ACME, b"x"), size=1))
    refs = services.publisher.publish(ACME, "churn").endpoints[ACME]["churn"].versions
    assert {number: ref.runtime for number, ref in refs.items()} == {"1": "onnx", "2": "plan"}
    assert (services.settings.home / refs["1"].path).read_bytes() == b"x"


def test_a_class_that_does_not_exist_or_is_used_is_refused(services: Services) -> None:
    with pytest.raises(NotFound):
        deployments.set_deployment(services, ACME, "churn", policy="gold")
    deployments.set_policy(services, "gold", Policy(priority=1))
    deployments.set_deployment(services, ACME, "churn", policy="gold")
    with pytest.raises(Conflict) as caught:
        deployments.remove_policy(services, "gold")
    assert caught.value.code == "policy_in_use"
    assert services.publisher.table().policies["gold"].priority == 1
