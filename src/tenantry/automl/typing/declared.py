"""Columns whose meaning somebody said: read accordingly, or refused where their values do not fit."""

from tenantry.automl.typing import words as w
from tenantry.automl.typing.column import MAX_STRAYS, TypedColumn
from tenantry.automl.typing.dates import read_dates
from tenantry.automl.typing.distinct import Distinct
from tenantry.automl.typing.geo import read_places
from tenantry.automl.typing.lists import likely_delimiter
from tenantry.automl.typing.numbers import read_numbers
from tenantry.errors import InvalidData, InvalidRequest
from tenantry.schema import NUMERIC_TYPES, SemanticType

MOST_MISFITS = 0.05
"""Share of the rows that may not fit, and count as missing."""
SAID = "as the definition says; "
_DATES = frozenset({SemanticType.DATE, SemanticType.DATETIME})
_FOUND_ONLY = frozenset({SemanticType.CONSTANT, SemanticType.EMPTY})
_SHAPED = frozenset({SemanticType.EMAIL, SemanticType.URL, SemanticType.PHONE})


def declared_column(name: str, values: Distinct, kind: SemanticType) -> TypedColumn:
    """The column as ``kind``. Errors: ``InvalidData`` (type_mismatch) naming how many values do not fit;
    ``InvalidRequest`` (type_unknown) for ``constant`` and ``empty``, which are found, not chosen."""
    if kind in _FOUND_ONLY:
        raise InvalidRequest(
            "type_unknown", f"column {name!r} cannot be declared {kind.value}: that is found, not chosen"
        )
    nulls = () if values.numeric else w.null_words(values)
    present = w.without(values, nulls)
    if not present.values:
        return TypedColumn(name, SemanticType.EMPTY, "no row has a value", values, nulls)
    if kind in NUMERIC_TYPES:
        return _numbers(name, values, present, nulls, kind)
    if kind in _DATES:
        return _dates(name, values, present, nulls, kind)
    evidence = f"{SAID}{len(present.values)} different values in {present.present} rows"
    if kind is SemanticType.BOOLEAN:
        _check_boolean(name, present)
    if kind is SemanticType.GEOLOCATION:
        found = read_places(present)
        _refuse(name, kind, present, list(found.wrong))
        evidence = SAID + found.evidence
    if kind in _SHAPED:
        shaped = [not w.is_shaped(kind, text) for text in present.texts]
        _refuse(name, kind, present, [i for i, wrong in enumerate(shaped) if wrong])
    delimiter = likely_delimiter(present) if kind is SemanticType.LIST else ""
    return TypedColumn(name, kind, evidence, values, nulls, delimiter=delimiter)


def _numbers(
    name: str, values: Distinct, present: Distinct, nulls: tuple[str, ...], kind: SemanticType
) -> TypedColumn:
    found = read_numbers(present)
    strays = set(present.texts) if found is None else set(found.strays)
    _refuse(name, kind, present, [i for i, text in enumerate(present.texts) if text in strays])
    if found is None:
        raise AssertionError("a column without a number was not refused")
    return TypedColumn(
        name, kind, SAID + found.evidence, values, (*nulls, *found.strays[:MAX_STRAYS]), found.format
    )


def _dates(
    name: str, values: Distinct, present: Distinct, nulls: tuple[str, ...], kind: SemanticType
) -> TypedColumn:
    found = read_dates(present)
    strays = set(present.texts) if found is None else set(found.strays)
    _refuse(name, kind, present, [i for i, text in enumerate(present.texts) if text in strays])
    if found is None:
        raise AssertionError("a column without a date was not refused")
    return TypedColumn(
        name,
        kind,
        SAID + found.evidence,
        values,
        (*nulls, *found.strays[:MAX_STRAYS]),
        order=found.order,
        digits=found.digits,
        null_days=found.nulls,
    )


def _check_boolean(name: str, present: Distinct) -> None:
    if len(present.values) == 2 or w.is_boolean(present, ()):
        return
    raise InvalidData(
        "type_mismatch",
        f"column {name!r} is declared boolean, but has {len(present.values)} different values, not two",
    )


def _refuse(name: str, kind: SemanticType, present: Distinct, wrong: list[int]) -> None:
    """Errors: ``InvalidData`` (type_mismatch) where too many rows hold a value of ``wrong`` (numbers of values)."""
    rows = int(present.counts[wrong].sum()) if wrong else 0
    if rows <= MOST_MISFITS * present.present:
        return
    shown = ", ".join(repr(present.texts[i][:40]) for i in wrong[:3])
    raise InvalidData(
        "type_mismatch",
        f"column {name!r} is declared {kind.value}, but {rows} of its {present.present} values do not fit, "
        f"such as {shown}",
    )
