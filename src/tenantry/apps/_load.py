"""Prediction definitions as YAML or JSON, with every mistake named at once."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from tenantry.apps._definition import Filter, Operator, PredictionDefinition
from tenantry.errors import InvalidData, InvalidRequest, NotFound
from tenantry.schema import Task
from tenantry.tenancy import name_of

MAX_TEXT = 1 << 20
MAX_BUDGET = 7 * 24 * 3600.0
_FIELDS = tuple(field.name for field in msgspec.structs.fields(PredictionDefinition))
_FILTER_FIELDS = tuple(field.name for field in msgspec.structs.fields(Filter))
_OPERATORS: tuple[str, ...] = get_args(Operator)


class _Fault(Exception):
    """What is wrong with one field."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's idea of a boolean (``yes`` stays a word, as in ``positive_class: yes``), and no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def load_definition(source: str | Path) -> PredictionDefinition:
    """Read a definition from a file (``Path``) or from YAML or JSON text (``str``).

    Raises ``NotFound("file_not_found")``, or ``InvalidRequest("definition_invalid")`` whose message names
    every field that is wrong, and whose ``details["fields"]`` maps each to its fault.
    """
    if isinstance(source, Path):
        try:
            source = source.read_bytes()[: MAX_TEXT + 1].decode("utf-8-sig")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFound("file_not_found", f"there is no file {source}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequest("definition_invalid", f"{source} cannot be read: {error}") from error
    if len(source) > MAX_TEXT:
        raise InvalidRequest("definition_invalid", "the definition is longer than 1 MiB")
    try:
        data = yaml.load(source, Loader=_Loader)  # noqa: S506 (a SafeLoader, narrowed)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidRequest(
            "definition_invalid", f"the definition is not YAML or JSON: {_yaml_fault(error)}"
        ) from error
    return definition_of(data)


def _yaml_fault(error: Exception) -> str:
    """What is wrong and where, in one line and without the reader's own words for its input."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem or error.context} (line {mark.line + 1}, column {mark.column + 1})"


def definition_of(data: object) -> PredictionDefinition:
    """Build a definition from plain values (a decoded request, a form). Raises as :func:`load_definition`."""
    if not isinstance(data, Mapping):
        raise InvalidRequest(
            "definition_invalid", "a definition is a mapping of fields such as name and target"
        )
    faults: dict[str, str] = {}
    values: dict[str, Any] = {}
    for raw, value in data.items():
        field = str(raw)
        if field not in _FIELDS:
            faults[field] = f"unknown field{_nearest(field, _FIELDS)}"
            continue
        try:
            values[field] = _READERS[field](value)
        except _Fault as error:
            faults[field] = str(error)
    faults.update((field, "is missing") for field in ("name", "target") if field not in data)
    if not faults:
        definition = PredictionDefinition(**values)
        faults = _contradictions(definition)
        if not faults:
            return definition
    shown = "; ".join(f"{field}: {fault}" for field, fault in faults.items())
    raise InvalidRequest(
        "definition_invalid", f"the definition has faults: {shown}", details={"fields": faults}
    )


def check_columns(definition: PredictionDefinition, names: Sequence[str]) -> None:
    """Hold a definition against a table's column names.

    Raises ``InvalidRequest("target_missing")`` or ``InvalidRequest("column_missing")`` naming every missing
    column and the nearest that exist.
    """
    known = set(names)
    if definition.target not in known:
        near = _nearest(definition.target, names)
        shown = ", ".join(repr(name) for name in list(names)[:20])
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        lone = "The table has one column: if its rows hold more, name the sign between them (--delimiter)."
        raise InvalidRequest(
            "target_missing",
            f"the table has no column {definition.target!r}{near}; it has {shown}{more}",
            hint=lone if len(names) == 1 else None,
        )
    if known <= {definition.target, definition.key}:
        raise InvalidData(
            "no_usable_columns",
            f"beside the target {definition.target!r} the table has nothing to learn from",
        )
    wanted = [*definition.only, *definition.include, *definition.exclude]
    wanted += [definition.key] if definition.key else []
    wanted += [condition.column for condition in (*definition.segment, *definition.examples)]
    missing = [name for name in dict.fromkeys(wanted) if name not in known]
    if missing:
        shown = ", ".join(f"{name!r}{_nearest(name, names)}" for name in missing)
        raise InvalidRequest(
            "column_missing",
            f"the definition names columns that the table lacks: {shown}",
            details={"columns": missing},
        )


def _nearest(word: str, known: Iterable[str]) -> str:
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[found[0]]!r}?)" if found else ""


def _contradictions(definition: PredictionDefinition) -> dict[str, str]:
    faults: dict[str, str] = {}
    target, key = definition.target, definition.key
    if key is not None and key == target:
        faults["key"] = "is the target"
    for field, names in (
        ("only", definition.only),
        ("include", definition.include),
        ("exclude", definition.exclude),
    ):
        if target in names:
            faults[field] = f"names the target {target!r}"
    both = sorted(set(definition.exclude) & {*definition.only, *definition.include})
    if both and "exclude" not in faults:
        faults["exclude"] = f"{', '.join(map(repr, both))} is also asked for by only or include"
    if definition.task is Task.REGRESSION and definition.positive_class is not None:
        faults["positive_class"] = "a regression has no classes"
    return faults


def _name(value: object) -> str:
    try:
        return name_of(_text(value))
    except InvalidRequest as error:
        raise _Fault(error.message) from error


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise _Fault("takes a text that is not empty")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise _Fault("takes a list of column names")
    return tuple(_text(item) for item in value)


def _task(value: object) -> Task | None:
    if value is None:
        return None
    try:
        return Task(str(value).lower())
    except ValueError:
        raise _Fault(f"{value!r} is none of {', '.join(Task)}{_nearest(str(value), list(Task))}") from None


def _budget(value: object) -> float:
    number = _number(value)
    if not 0 < number <= MAX_BUDGET:
        raise _Fault(f"takes CPU seconds above 0 and up to {MAX_BUDGET:.0f}")
    return number


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Fault(f"{value!r} is not a number")
    return float(value)


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise _Fault("takes a whole number from 0 to 2147483647")
    return value


def _filters(value: object) -> tuple[Filter, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise _Fault("takes a list of filters, each with column, op and value")
    return tuple(_filter(item, place) for place, item in enumerate(value, 1))


def _filter(value: object, place: int) -> Filter:
    if not isinstance(value, Mapping):
        raise _Fault(f"filter {place} is not a mapping of column, op and value")
    unknown = [str(name) for name in value if name not in _FILTER_FIELDS]
    if unknown:
        raise _Fault(
            f"filter {place} has the unknown field {unknown[0]!r}{_nearest(unknown[0], _FILTER_FIELDS)}"
        )
    if "column" not in value or "op" not in value:
        raise _Fault(f"filter {place} needs column and op")
    operator = " ".join(str(value["op"]).lower().split())
    if operator not in _OPERATORS:
        raise _Fault(f"filter {place}: op {value['op']!r} is none of {', '.join(_OPERATORS)}")
    operand = value.get("value")
    fault = _operand_fault(operator, operand)
    if fault:
        raise _Fault(f"filter {place}: {fault}")
    return Filter(column=_text(value["column"]), op=operator, value=operand)  # type: ignore[arg-type]


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


_READERS: dict[str, Any] = {
    "name": _name,
    "target": _text,
    "task": _task,
    "positive_class": _optional_text,
    "segment": _filters,
    "examples": _filters,
    "only": _texts,
    "include": _texts,
    "exclude": _texts,
    "key": _optional_text,
    "budget_cpu_seconds": _budget,
    "seed": _seed,
}
