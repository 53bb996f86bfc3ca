"""How a definition's filters are read."""

from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec

from tenantry.apps._definition import Filter, Operator
from tenantry.apps._fields import Fault, nearest, text

_FILTER_FIELDS = tuple(field.name for field in msgspec.structs.fields(Filter))
_OPERATORS: tuple[str, ...] = get_args(Operator)


def filters(value: object) -> tuple[Filter, ...]:
    """A list of mappings with column, op and value."""
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Fault("takes a list of filters, each with column, op and value")
    return tuple(_filter(item, place) for place, item in enumerate(value, 1))


def _filter(value: object, place: int) -> Filter:
    if not isinstance(value, Mapping):
        raise Fault(f"filter {place} is not a mapping of column, op and value")
    unknown = [str(name) for name in value if name not in _FILTER_FIELDS]
    if unknown:
        raise Fault(
            f"filter {place} has the unknown field {unknown[0]!r}{nearest(unknown[0], _FILTER_FIELDS)}"
        )
    if "column" not in value or "op" not in value:
        raise Fault(f"filter {place} needs column and op")
    operator = " ".join(str(value["op"]).lower().split())
    if operator not in _OPERATORS:
        raise Fault(f"filter {place}: op {value['op']!r} is none of {', '.join(_OPERATORS)}")
    operand = value.get("value")
    fault = _operand_fault(operator, operand)
    if fault:
        raise Fault(f"filter {place}: {fault}")
    return Filter(column=text(value["column"]), op=operator, value=operand)  # type: ignore[arg-type]


def _operand_fault(operator: str, operand: object) -> str | None:
    if operator in ("is null", "is not null"):
        return None if operand is None else f"{operator!r} takes no value"
    if operator in ("in", "not in"):
        fits = (
            isinstance(operand, list)
            and operand
            and all(isinstance(item, str | int | float) for item in operand)
        )
        return None if fits else f"{operator!r} takes a list of values"
    if not isinstance(operand, str | int | float):
        return f"{operator!r} takes one text, number or true/false as its value"
    return None
