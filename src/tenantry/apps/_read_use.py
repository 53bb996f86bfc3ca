"""How a definition's costs and class weights are read."""

from collections.abc import Mapping
from typing import Literal

from tenantry.apps._fields import Fault, mapping, nearest, number

OUTCOMES = ("false_positive", "false_negative", "true_positive", "true_negative")
Costs = dict[str, float | dict[str, float]]


def costs(value: object) -> Costs:
    """Costs of the four outcomes of two classes, or a mapping of mappings by class names."""
    given = mapping(value, "its cost")
    if not given:
        return {}
    rows = [isinstance(item, Mapping) for item in given.values()]
    if all(rows):
        return {name: _row(item) for name, item in given.items()}
    if any(rows):
        raise Fault("mixes costs of outcomes with costs by class")
    return _outcomes(given)


def _row(value: object) -> dict[str, float]:
    return {name: number(cost) for name, cost in mapping(value, "its cost").items()}


def _outcomes(given: dict[str, object]) -> Costs:
    for name in given:
        if name not in OUTCOMES:
            raise Fault(f"{name!r} is none of {', '.join(OUTCOMES)}{nearest(name, OUTCOMES)}")
    found = {name: number(cost) for name, cost in given.items()}
    missing = [name for name in OUTCOMES[:2] if name not in found]
    if missing:
        raise Fault(f"needs {' and '.join(missing)}")
    if found["false_positive"] <= found.get("true_negative", 0.0):
        raise Fault("false_positive must cost more than true_negative, or calling all positive is best")
    if found["false_negative"] <= found.get("true_positive", 0.0):
        raise Fault("false_negative must cost more than true_positive, or calling none positive is best")
    return dict(found)


def class_weights(value: object) -> Literal["balanced"] | dict[str, float] | None:
    """``balanced``, or a weight above 0 for each class that does not have weight 1."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.strip().lower() != "balanced":
            raise Fault(f"{value!r} is neither balanced nor a mapping from each class to its weight")
        return "balanced"
    found = {name: number(weight) for name, weight in mapping(value, "its weight").items()}
    wrong = [name for name, weight in found.items() if not 0 < weight <= 1e6]
    if wrong:
        raise Fault(f"the weight of {wrong[0]!r} is not above 0 and up to 1,000,000")
    return found or None
