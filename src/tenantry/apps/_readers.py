"""How each field of a definition is read from plain values, and what is wrong with it."""

from functools import partial
from typing import Any, get_args

from tenantry.apps._definition import Direction, Effort, Metric, Split, Unproven
from tenantry.apps._fields import Fault, choice, mapping, nearest, number, optional_text, text, texts
from tenantry.apps._read_filters import filters
from tenantry.apps._read_use import class_weights, costs
from tenantry.errors import InvalidRequest
from tenantry.schema import SemanticType, Task
from tenantry.tenancy import name_of

MAX_BUDGET = 7 * 24 * 3600.0
SETTABLE_TYPES = tuple(kind for kind in SemanticType if kind not in ("constant", "empty"))


def _name(value: object) -> str:
    try:
        return name_of(text(value))
    except InvalidRequest as error:
        raise Fault(error.message) from error


def _task(value: object) -> Task | None:
    if value is None:
        return None
    try:
        return Task(str(value).lower())
    except ValueError:
        raise Fault(f"{value!r} is none of {', '.join(Task)}{nearest(str(value), list(Task))}") from None


def _budget(value: object) -> float:
    seconds = number(value)
    if not 0 < seconds <= MAX_BUDGET:
        raise Fault(f"takes CPU seconds above 0 and up to {MAX_BUDGET:.0f}")
    return seconds


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Fault("takes a whole number from 0 to 2147483647")
    return value


def _optional_word(value: object, choices: tuple[str, ...]) -> str | None:
    return None if value is None else choice(value, choices)


def _word(value: object, choices: tuple[str, ...]) -> str:
    """The first of the words is the default."""
    return choices[0] if value is None else choice(value, choices)


def _types(value: object) -> dict[str, SemanticType]:
    found = mapping(value, "its type")
    return {name: SemanticType(choice(kind, SETTABLE_TYPES)) for name, kind in found.items()}


def _monotone(value: object) -> dict[str, str]:
    found = mapping(value, "increasing or decreasing")
    return {name: choice(way, get_args(Direction)) for name, way in found.items()}


def _yes(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, bool):
        raise Fault(f"{value!r} is neither true nor false")
    return value


READERS: dict[str, Any] = {
    "name": _name,
    "target": text,
    "task": _task,
    "positive_class": optional_text,
    "segment": filters,
    "examples": filters,
    "only": texts,
    "include": texts,
    "exclude": texts,
    "key": optional_text,
    "budget_cpu_seconds": _budget,
    "seed": _seed,
    "types": _types,
    "metric": partial(_optional_word, choices=get_args(Metric)),
    "costs": costs,
    "class_weights": class_weights,
    "monotone": _monotone,
    "protected": texts,
    "group": optional_text,
    "time": optional_text,
    "split": partial(_word, choices=get_args(Split)),
    "effort": partial(_word, choices=get_args(Effort)),
    "similar_records": _yes,
    "unproven": partial(_word, choices=get_args(Unproven)),
}
