"""Prediction definitions as YAML or JSON, with every mistake named at once."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tenantry.apps._contradictions import contradictions
from tenantry.apps._definition import PredictionDefinition
from tenantry.apps._fields import Fault, nearest
from tenantry.apps._readers import READERS
from tenantry.errors import InvalidData, InvalidRequest, NotFound

MAX_TEXT = 1 << 20
_FIELDS = tuple(field.name for field in msgspec.structs.fields(PredictionDefinition))


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
            faults[field] = f"unknown field{nearest(field, _FIELDS)}"
            continue
        try:
            values[field] = READERS[field](value)
        except Fault as error:
            faults[field] = str(error)
    faults.update((field, "is missing") for field in ("name", "target") if field not in data)
    if not faults:
        definition = PredictionDefinition(**values)
        faults = contradictions(definition)
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
        near = nearest(definition.target, names)
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
    wanted = [*definition.named_columns]
    wanted += [condition.column for condition in (*definition.segment, *definition.examples)]
    missing = [name for name in dict.fromkeys(wanted) if name not in known]
    if missing:
        shown = ", ".join(f"{name!r}{nearest(name, names)}" for name in missing)
        raise InvalidRequest(
            "column_missing",
            f"the definition names columns that the table lacks: {shown}",
            details={"columns": missing},
        )
