"""The order in which meanings are tried on a column: the first that fits is taken."""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from tenantry.automl.typing import words as w
from tenantry.automl.typing.column import MAX_STRAYS, TypedColumn
from tenantry.automl.typing.dates import find_dates
from tenantry.automl.typing.declared import declared_column
from tenantry.automl.typing.distinct import Distinct, distinct_values
from tenantry.automl.typing.geo import find_places
from tenantry.automl.typing.identifiers import number_identifier, text_identifier
from tenantry.automl.typing.lists import find_lists
from tenantry.automl.typing.numbers import find_numbers
from tenantry.schema import SemanticType


def type_table(
    table: pa.Table, names: Iterable[str], types: Mapping[str, SemanticType] | None = None
) -> list[TypedColumn]:
    """Type these columns of a table, in this order. ``types`` says what columns mean, in place of what is found.

    Errors: ``InvalidData`` (type_mismatch) where values do not fit what ``types`` says, with how many;
    ``InvalidRequest`` (type_unknown) for a type that can only be found.
    """
    said = types or {}
    columns = ((name, distinct_values(table.column(name))) for name in names)
    return [declared_column(n, v, said[n]) if n in said else type_column(n, v) for n, v in columns]


def type_column(name: str, values: Distinct) -> TypedColumn:
    """Find what one column means. Deterministic; looks at the values, and at the name only as a tie-breaker."""
    if not values.values:
        return TypedColumn(name, SemanticType.EMPTY, "no row has a value", values)
    if values.numeric:
        return _date(name, values, ()) or _number(name, values, ()) or _category(name, values, ())
    nulls = w.null_words(values)
    kept = [text for text in values.texts if text not in nulls] if nulls else values.texts
    if not kept:
        evidence = f"every value means missing: {nulls[0]!r}"
        return TypedColumn(name, SemanticType.EMPTY, evidence, values, nulls)
    if len(kept) == 1:
        return _single(name, values, nulls)
    return _many(name, values, kept, nulls)


def _many(name: str, values: Distinct, kept: list[str], nulls: tuple[str, ...]) -> TypedColumn:
    """A column of at least two different texts."""
    if w.is_boolean(values, nulls):
        evidence = f"words for yes and no: {', '.join(kept[:4])}"
        return TypedColumn(name, SemanticType.BOOLEAN, evidence, values, nulls)
    points = find_places(name, w.without(values, nulls))
    if points is not None and len(kept) > 1:
        return TypedColumn(
            name, SemanticType.GEOLOCATION, points.evidence + w.said_nulls(nulls), values, nulls
        )
    place = w.place_type(name, kept)
    if place is SemanticType.POSTAL_CODE:
        evidence = "short codes with digits, named or zero-padded like postal codes"
        return TypedColumn(name, place, evidence, values, nulls)
    found = _date(name, values, nulls) or _contact(name, values, kept, nulls) or _number(name, values, nulls)
    if found is not None:
        return found
    if place is not None:
        return TypedColumn(name, place, "the values are names or codes of countries", values, nulls)
    lists = find_lists(w.without(values, nulls))
    if lists is not None:
        said = lists.evidence + w.said_nulls(nulls)
        return TypedColumn(name, SemanticType.LIST, said, values, nulls, delimiter=lists.delimiter)
    return _category(name, values, nulls)


def _single(name: str, values: Distinct, nulls: tuple[str, ...]) -> TypedColumn:
    """One value only: a constant, or a mark that some rows have."""
    present = int(sum(c for v, c in zip(values.values, values.counts, strict=True) if str(v) not in nulls))
    if present == values.rows:
        return TypedColumn(name, SemanticType.CONSTANT, "every row has the same value", values, nulls)
    evidence = f"one value in {present} of {values.rows} rows, missing in the others"
    return TypedColumn(name, SemanticType.CATEGORY, evidence, values, nulls)


def _number(name: str, values: Distinct, nulls: tuple[str, ...]) -> TypedColumn | None:
    present = w.without(values, nulls)
    found = find_numbers(present)
    if found is None:
        return None
    known = np.unique(found.parsed[~np.isnan(found.parsed)])
    gone = (*nulls, *found.strays[:MAX_STRAYS])
    if len(known) == 0:
        return TypedColumn(name, SemanticType.EMPTY, "no value is a finite number", values, gone)
    kind, evidence = found.type, found.evidence + w.said_nulls(nulls)
    if len(known) == 1 and not gone and not found.format.nulls and values.present == values.rows:
        return TypedColumn(name, SemanticType.CONSTANT, "every row has the same value", values)
    reason = number_identifier(name, present, found.parsed)
    if kind is SemanticType.NUMBER and reason:
        kind, evidence = SemanticType.IDENTIFIER, reason
    elif part := w.coordinate(name, found.parsed):
        evidence += f"; a {part}, by its name and range"
    return TypedColumn(name, kind, evidence, values, gone, found.format)


def _date(name: str, values: Distinct, nulls: tuple[str, ...]) -> TypedColumn | None:
    found = find_dates(name, w.without(values, nulls))
    if found is None or len(np.unique(found.parsed[~np.isnan(found.parsed[:, 0]), 0])) < 2:
        return None
    kind = SemanticType.DATETIME if found.timed else SemanticType.DATE
    return TypedColumn(
        name,
        kind,
        found.evidence + w.said_nulls(nulls),
        values,
        (*nulls, *found.strays[:MAX_STRAYS]),
        order=found.order,
        digits=found.digits,
        null_days=found.nulls,
    )


def _contact(name: str, values: Distinct, kept: list[str], nulls: tuple[str, ...]) -> TypedColumn | None:
    kind = w.contact_type(name, kept)
    if kind is None:
        return None
    return TypedColumn(name, kind, f"nine in ten values are written like a {kind.value}", values, nulls)


def _category(name: str, values: Distinct, nulls: tuple[str, ...]) -> TypedColumn:
    known = w.without(values, nulls)
    reason = text_identifier(name, known)
    if reason:
        return TypedColumn(name, SemanticType.IDENTIFIER, reason, values, nulls)
    count = len(known.values)
    if w.is_free_text(known):
        evidence = f"{count} different texts of several words in {known.present} rows"
        return TypedColumn(name, SemanticType.TEXT, evidence, values, nulls)
    evidence = f"{count} different words in {known.present} rows{w.said_nulls(nulls)}"
    return TypedColumn(name, SemanticType.CATEGORY, evidence, values, nulls)
