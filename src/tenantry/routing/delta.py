"""What changed from one table to the next, and its application.

A table that deltas were applied to shares every object that they left alone with the table before: dicts are copied one
level deep, and only where something in them changed. So a change of one tenant among ten thousand costs a worker less
than a millisecond, and what it has compiled of the others stays.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from tenantry.admission import Policy
from tenantry.routing.entries import Endpoint, KeyEntry, TenantEntry
from tenantry.routing.rules import Rule
from tenantry.routing.table import TABLE_FORMAT, EndpointTable
from tenantry.tenancy import TenantId

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_Endpoints = dict[TenantId, dict[str, Endpoint]]


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The way from the table ``after`` to the table ``number``: what is new or changed, and what is gone.

    ``after_created`` tells the table that is meant from another of the same number, as there may be after a folder was
    restored from a backup. ``endpoints_gone``: tenant → names, or None where the tenant is gone from the endpoints
    altogether. ``rules``: None where the platform's rules are unchanged.
    """

    number: int
    created: float
    after: int
    after_created: float
    format: int
    keys: dict[str, KeyEntry] = {}
    keys_gone: tuple[str, ...] = ()
    endpoints: _Endpoints = {}
    endpoints_gone: dict[TenantId, tuple[str, ...] | None] = {}
    tenants: dict[TenantId, TenantEntry] = {}
    tenants_gone: tuple[TenantId, ...] = ()
    policies: dict[str, Policy] = {}
    policies_gone: tuple[str, ...] = ()
    rules: tuple[Rule, ...] | None = None

    def follows(self, table: EndpointTable) -> bool:
        """Whether this is the way on from ``table``."""
        return (self.after, self.after_created) == (table.number, table.created)

    def touched(self) -> tuple[TenantId, ...]:
        """The tenants whose endpoints, attributes or quotas may differ."""
        return (*self.endpoints, *self.endpoints_gone, *self.tenants, *self.tenants_gone)


def difference(old: EndpointTable, new: EndpointTable) -> Delta:
    """The delta from ``old`` to ``new``."""
    endpoints: _Endpoints = {}
    endpoints_gone: dict[TenantId, tuple[str, ...] | None] = dict.fromkeys(
        _gone(old.endpoints, new.endpoints)
    )
    for tenant, names in _changed(old.endpoints, new.endpoints).items():
        before = old.endpoints.get(tenant)
        changed = names if before is None else _changed(before, names)
        # A tenant without endpoints is still a tenant that the table names.
        if changed or before is None:
            endpoints[tenant] = changed
        gone = _gone(before or {}, names)
        if gone:
            endpoints_gone[tenant] = gone
    return Delta(
        number=new.number,
        created=new.created,
        after=old.number,
        after_created=old.created,
        format=TABLE_FORMAT,
        keys=_changed(old.keys, new.keys),
        keys_gone=_gone(old.keys, new.keys),
        endpoints=endpoints,
        endpoints_gone=endpoints_gone,
        tenants=_changed(old.tenants, new.tenants),
        tenants_gone=_gone(old.tenants, new.tenants),
        policies=_changed(old.policies, new.policies),
        policies_gone=_gone(old.policies, new.policies),
        rules=None if old.rules == new.rules else new.rules,
    )


def applied(table: EndpointTable, deltas: Sequence[Delta]) -> EndpointTable:
    """The table that ``deltas``, each following on the one before, make of ``table``; ``table`` stays as it is.

    What ``table`` has compiled is taken over where nothing changed.
    """
    if not deltas:
        return table
    rules = [delta.rules for delta in deltas if delta.rules is not None]
    newer = EndpointTable(
        number=deltas[-1].number,
        created=deltas[-1].created,
        keys=_merged(table.keys, [(delta.keys, delta.keys_gone) for delta in deltas]),
        endpoints=_merged_endpoints(table.endpoints, deltas),
        tenants=_merged(table.tenants, [(delta.tenants, delta.tenants_gone) for delta in deltas]),
        policies=_merged(table.policies, [(delta.policies, delta.policies_gone) for delta in deltas]),
        rules=rules[-1] if rules else table.rules,
    )
    newer.inherit(table, {tenant for delta in deltas for tenant in delta.touched()})
    return newer


def _changed(old: Mapping[_Key, _Value], new: Mapping[_Key, _Value]) -> dict[_Key, _Value]:
    if old is new:
        return {}
    return {
        key: value for key, value in new.items() if (before := old.get(key)) is not value and before != value
    }


def _gone(old: Mapping[_Key, object], new: Mapping[_Key, object]) -> tuple[_Key, ...]:
    return () if old is new else tuple(key for key in old if key not in new)


def _merged(
    base: dict[_Key, _Value], changes: Iterable[tuple[Mapping[_Key, _Value], Sequence[_Key]]]
) -> dict[_Key, _Value]:
    merged = base
    for changed, gone in changes:
        if not changed and not gone:
            continue
        if merged is base:
            merged = dict(base)
        for key in gone:
            merged.pop(key, None)
        merged.update(changed)
    return merged


def _merged_endpoints(base: _Endpoints, deltas: Iterable[Delta]) -> _Endpoints:
    merged = base
    for delta in deltas:
        if not delta.endpoints and not delta.endpoints_gone:
            continue
        if merged is base:
            merged = dict(base)
        for tenant, gone in delta.endpoints_gone.items():
            if gone is None:
                merged.pop(tenant, None)
            else:
                merged[tenant] = _merged(merged.get(tenant, {}), [({}, gone)])
        for tenant, changed in delta.endpoints.items():
            merged[tenant] = {**merged.get(tenant, {}), **changed}
    return merged
