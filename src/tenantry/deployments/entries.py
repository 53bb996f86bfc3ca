"""Records as entries of the endpoint table. Pure: what is read is handed in."""

from typing import Any, TypeVar

import msgspec

from tenantry.access import Key
from tenantry.admission import Quota
from tenantry.routing import KeyEntry, TenantEntry

K = TypeVar("K")
V = TypeVar("V")


def key_entry(key: Key) -> KeyEntry:
    """What a worker must know of a key."""
    return KeyEntry(id=key.id, role=key.role.value, tenant=key.tenant, expires=key.expires)


def tenant_entry(attributes: dict[str, Any], quota: Quota) -> TenantEntry | None:
    """What a worker must know of a tenant; None where there is nothing but what holds for everybody."""
    entry = TenantEntry(attributes=attribute_words(attributes), quota=quota)
    return None if entry == TenantEntry() else entry


def attribute_words(attributes: dict[str, Any]) -> dict[str, str]:
    """Attributes as the text that rules compare: numbers and booleans as in JSON. Lists, objects and null have no
    such text, and no rule can ask about them.

    >>> attribute_words({"region": "eu", "seats": 3, "trial": False, "tags": ["a"], "since": None})
    {'region': 'eu', 'seats': '3', 'trial': 'false'}
    """
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in attributes.items()
        if isinstance(value, str | bool | int | float)
    }


def metrics_of(summary: dict[str, Any]) -> dict[str, float]:
    """The numbers of a version's summary that rules may ask about: each metric's value, and every other number.

    >>> metrics_of({"rows": 60, "task": "binary", "metrics": [{"name": "auroc", "value": 0.8, "low": 0.7}]})
    {'rows': 60.0, 'auroc': 0.8}
    """
    found = {name: float(value) for name, value in summary.items() if _is_number(value)}
    listed = summary.get("metrics")
    for metric in listed if isinstance(listed, list) else ():
        if isinstance(metric, dict) and _is_number(metric.get("value")):
            found[str(metric.get("name"))] = float(metric["value"])
    return found


def merged(known: dict[K, V], fresh: dict[K, V]) -> dict[K, V]:
    """``fresh``, with the objects of ``known`` where they are equal, so that what did not change can be told by
    identity; ``known`` itself where nothing changed.
    """
    kept = {name: _same(known.get(name), value) for name, value in fresh.items()}
    unchanged = len(kept) == len(known) and all(known.get(name) is value for name, value in kept.items())
    return known if unchanged else kept


def _same(known: V | None, value: V) -> V:
    return known if known is not None and known == value else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
