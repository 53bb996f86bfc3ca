"""Tasks, semantic types, roles, and the signature of a model."""

from enum import StrEnum

import msgspec


class Task(StrEnum):
    """What is predicted (A14)."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class SemanticType(StrEnum):
    """What a raw column means, as found in its values or said by the user (A7)."""

    NUMBER = "number"
    CURRENCY = "currency"
    PERCENT = "percent"
    QUANTITY = "quantity"  # a number with a unit: "23.4 km"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    LIST = "list"  # of words, in one value: "red;green"
    IDENTIFIER = "identifier"
    EMAIL = "email"
    URL = "url"
    PHONE = "phone"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    GEOLOCATION = "geolocation"  # latitude and longitude in one value
    CONSTANT = "constant"
    EMPTY = "empty"


NUMERIC_TYPES = frozenset(
    {SemanticType.NUMBER, SemanticType.CURRENCY, SemanticType.PERCENT, SemanticType.QUANTITY}
)
"""Types whose values are parsed to one float, and whose v2 tensor is FP64; every other type travels as BYTES."""


class Role(StrEnum):
    """What a column does in one prediction."""

    TARGET = "target"
    FEATURE = "feature"
    KEY = "key"
    EXCLUDED = "excluded"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One raw column as a caller sends it."""

    name: str
    type: SemanticType

    @property
    def datatype(self) -> str:
        """The Open Inference Protocol datatype of the column's tensor."""
        return "FP64" if self.type in NUMERIC_TYPES else "BYTES"


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and gives.

    One input per raw feature column, in order; classes in the order of the probabilities.
    """

    task: Task
    inputs: tuple[Column, ...]
    classes: tuple[str, ...] = ()
    positive_class: str | None = None
    threshold: float = 0.5
