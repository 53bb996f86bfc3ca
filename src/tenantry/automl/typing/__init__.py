"""What each column of a table means, found in its values alone (A7).

Receives: Arrow columns, text or typed. Hands on: a :class:`TypedColumn` each, with the evidence in words and all that
encoders need. Never knows: the target, or what a model makes of the column.
"""

from tenantry.automl.typing.column import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.automl.typing.decide import type_column, type_table
from tenantry.automl.typing.distinct import Distinct, distinct_values
from tenantry.automl.typing.words import boolean_spellings

__all__ = [
    "DATE_TYPES",
    "TEXT_TYPES",
    "Distinct",
    "TypedColumn",
    "boolean_spellings",
    "distinct_values",
    "type_column",
    "type_table",
]
