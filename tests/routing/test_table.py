"""The endpoint table: who is who, and which plan answers."""

from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef
from tenantry.tenancy import TenantId

ACME, BOLT = TenantId("acme"), TenantId("bolt")
ONE = VersionRef(path="blobs/acme/aa/1", sha256="1" * 64)
TWO = VersionRef(path="blobs/acme/aa/2", sha256="2" * 64)


def table() -> EndpointTable:
    churn = Endpoint(versions={"1": ONE, "2": TWO}, aliases={"champion": "1", "challenger": "2"})
    return EndpointTable(number=1, created=0.0, endpoints={ACME: {"churn": churn}, BOLT: {}})


def test_no_version_means_the_champion() -> None:
    target = table().resolve(ACME, "churn")
    assert target is not None
    assert target == ("1", ONE)


def test_a_version_is_a_number_or_an_alias() -> None:
    assert table().resolve(ACME, "churn", "2") == ("2", TWO)
    assert table().resolve(ACME, "churn", "challenger") == ("2", TWO)
    assert table().resolve(ACME, "churn", "3") is None
    assert table().resolve(ACME, "churn", "shadow") is None


def test_an_alias_to_a_missing_version_resolves_to_nothing() -> None:
    broken = Endpoint(versions={}, aliases={"champion": "7"})
    assert EndpointTable(number=1, created=0.0, endpoints={ACME: {"x": broken}}).resolve(ACME, "x") is None


def test_another_tenants_endpoint_is_as_absent_as_none() -> None:
    assert table().resolve(BOLT, "churn") is None
    assert table().endpoint(BOLT, "churn") is None
    assert table().resolve(TenantId("nobody"), "churn") is None


def test_a_key_counts_until_it_expires() -> None:
    keys = {
        "aa": KeyEntry(id="k1", role="scorer", tenant=ACME, expires=100.0),
        "bb": KeyEntry(id="k2", role="operator"),
    }
    known = EndpointTable(number=1, created=0.0, keys=keys)
    assert known.key("aa", 99.9) is keys["aa"]
    assert known.key("aa", 100.0) is None
    assert known.key("bb", 1e12) is keys["bb"]
    assert known.key("cc", 0.0) is None
