"""What an endpoint table says about models in memory. Runs in the loader's thread."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tenantry.routing import Endpoint, EndpointTable, VersionRef
from tenantry.routing.rules import Alias, Canary, Fallback, Pin, Shadow, Split
from tenantry.serving.eviction import Key
from tenantry.tenancy import TenantId


class Survey(NamedTuple):
    """Which of the models looked at no deployment names, and which models the table pins."""

    unnamed: list[Key]
    pinned: frozenset[Key]


def survey(table: EndpointTable, keys: Iterable[Key]) -> Survey:
    """Look through a table for ``keys``."""
    unnamed = [key for key in keys if find_ref(table, key) is None]
    return Survey(unnamed, frozenset((tenant, ref.sha256) for tenant, ref in pinned_versions(table)))


def find_ref(table: EndpointTable, key: Key) -> VersionRef | None:
    """The version that a key stands for."""
    tenant, sha256 = key
    for endpoint in table.endpoints.get(tenant, {}).values():
        for ref in endpoint.versions.values():
            if ref.sha256 == sha256:
                return ref
    return None


def pinned_versions(table: EndpointTable) -> Iterator[tuple[TenantId, VersionRef]]:
    """The versions in use of pinned deployments."""
    for tenant, endpoints in table.endpoints.items():
        for endpoint in endpoints.values():
            if endpoint.pinned:
                for ref in in_use(endpoint):
                    yield tenant, ref


def in_use(endpoint: Endpoint) -> list[VersionRef]:
    """The versions that an alias or a rule names, each once. A rule that selects by metadata may choose any."""
    names = list(endpoint.aliases.values())
    for rule in endpoint.rules:
        match rule.action:
            case Pin(version=name) | Alias(alias=name) | Canary(ref=name) | Shadow(ref=name):
                names.append(name)
            case Split(arms=arms):
                names += [arm.ref for arm in arms]
            case Fallback(refs=refs):
                names += refs
            case _:
                names += endpoint.versions
    numbers = dict.fromkeys(endpoint.aliases.get(name, name) for name in names)
    return [endpoint.versions[number] for number in numbers if number in endpoint.versions]
