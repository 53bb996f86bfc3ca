"""The outcome to learn: from ``y`` or from a column, as words for the engine and as the caller's own labels
back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from tenantry.plan.ir import NumberFormat
from tenantry.plan.kernel import category_word, parse_numbers
from tenantry.schema import Signature, Task
from tenantry.sdk._errors import InvalidTable

Label = str | float | int | bool
DEFAULT_NAME = "target"
_DTYPES: dict[str, Any] = {"i": np.int64, "f": np.float64, "b": np.bool_, "U": np.str_, "O": object}


@dataclass(frozen=True, slots=True)
class Target:
    """One outcome column. ``kind`` is NumPy's letter for the labels' type; ``by_word`` finds a label by the
    word under which the engine knows it; ``values`` is what the engine learns from (absent in a loaded
    predictor)."""

    name: str
    task: Task | None
    kind: str
    by_word: dict[str, Label] = field(default_factory=dict)
    values: pa.Array | pa.ChunkedArray | None = None

    @classmethod
    def restored(cls, name: str, labels: Sequence[Label], kind: str) -> Self:
        """From what a saved file holds."""
        return cls(name, None, kind, {_word(label): label for label in labels})

    def word(self, label: Any) -> str | None:
        """The engine's word for one of the caller's labels; ``None`` for ``None``."""
        return None if label is None else category_word(label)

    def labels(self, classes: Sequence[str]) -> npt.NDArray[Any]:
        """The caller's labels for the engine's ``classes``, in their order."""
        found = [self.by_word.get(word, word) for word in classes]
        return np.array(found, dtype=_DTYPES[self.kind])

    def label_list(self) -> tuple[Label, ...]:
        """All labels, for a file."""
        return tuple(self.by_word.values())

    def learnt(self, signature: Signature) -> "Target":
        """What a fitted estimator keeps: the labels that the model knows, and none of the data."""
        known = {word: self.by_word[word] for word in signature.classes if word in self.by_word}
        kind = "f" if signature.task is Task.REGRESSION else self.kind
        return Target(self.name, signature.task, kind, known)

    def typed(self, column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """The known outcomes of a column, as labels or as numbers, and the mask of their rows."""
        if self.task is Task.REGRESSION:
            numbers = _read_numbers(column.to_pylist())
            known = ~np.isnan(numbers)
            return numbers[known], known
        words = [_word(value) for value in column.to_pylist()]
        known = np.array([bool(word) for word in words], dtype=np.bool_)
        labels = [self.by_word.get(word, word) for word in words if word]
        return np.array(labels, dtype=_DTYPES[self.kind]), known


def numbers_of(y: Any) -> npt.NDArray[np.float64]:
    """Outcomes of a regression: numbers, or text that training would read as numbers ("$1,200").

    Raises:
        InvalidTable: ``target_type``.
        ValueError: what scikit-learn raises for numbers that are not finite.
    """
    values = column_or_1d(np.asarray(y), warn=True)
    try:
        numbers: npt.NDArray[np.float64] = values.astype(np.float64)
    except (TypeError, ValueError):
        plain = values.tolist()
        numbers = _read_numbers(plain)
        wrong = next((value for value, no in zip(plain, np.isnan(numbers), strict=True) if no), None)
        if wrong is not None:
            raise InvalidTable(
                "target_type",
                f"y holds {str(wrong)[:60]!r}, which is no number",
                hint="Correct it or drop its row; or leave task out, to learn words as classes.",
            ) from None
    assert_all_finite(numbers, input_name="y")
    return numbers


def _read_numbers(values: list[Any]) -> npt.NDArray[np.float64]:
    """Numbers as text or as such, read with the decimal mark that fits more of them."""
    point, comma = (parse_numbers(values, NumberFormat(decimal=mark, unit_tail=True)) for mark in (".", ","))
    return comma if np.isnan(comma).sum() < np.isnan(point).sum() else point


def read_target(
    name: str | None, task: str | None, columns: Sequence[str], outcome: pa.ChunkedArray | None, y: Any
) -> Target:
    """The target from ``y`` or, where that is ``None``, from the column ``outcome`` of the table.

    Raises:
        InvalidTable: ``target_missing``, ``target_one_class``.
        ValueError: what scikit-learn raises for outcomes that are continuous where classes are asked for, or
        not finite.
    """
    if y is None:
        if outcome is None:
            raise InvalidTable("target_missing", f"the table has no column {name!r}")
        return _from_column(str(name), task, outcome)
    return _from_y(_free_name(name or _series_name(y) or DEFAULT_NAME, columns), task, y)


def _from_column(name: str, task: str | None, column: pa.ChunkedArray) -> Target:
    """A column keeps its nulls: rows without an outcome are not learnt from."""
    kinds = {pa.bool_(): "b", pa.int64(): "i", pa.float64(): "f"}
    kind = kinds.get(column.type, "O")
    if task == "regression":
        return Target(name, Task.REGRESSION, "f", {}, column)
    labels = [label for label in column.unique().to_pylist() if _word(label)]
    by_word = {_word(label): label for label in labels}
    return Target(name, _class_task(task, len(by_word)), kind, by_word, column)


def _from_y(name: str, task: str | None, y: Any) -> Target:
    values = column_or_1d(np.asarray(y), warn=True)
    if values.dtype.kind in "fc":
        assert_all_finite(values, input_name="y")
    if task == "regression":
        return Target(name, Task.REGRESSION, "f", {}, pa.array(numbers_of(values)))
    if task == "classification":
        check_classification_targets(values)
    plain = values.tolist()
    if any(not _word(label) for label in plain):
        raise InvalidTable(
            "target_all_null", "y holds missing values", hint="Drop the rows without an outcome."
        )
    by_word = {_word(label): label for label in dict.fromkeys(plain)}
    kind = {"u": "i", "S": "O"}.get(values.dtype.kind, values.dtype.kind)
    found = _class_task(task, len(by_word))
    if kind in "if" and task is None:
        return Target(name, None, kind, by_word, pa.array(values))
    words = pa.array([_word(label) for label in plain], pa.string())
    return Target(name, found, kind if kind in _DTYPES else "O", by_word, words)


def _class_task(task: str | None, classes: int) -> Task | None:
    if task is None:
        return None
    if task != "classification":
        raise InvalidTable("definition_invalid", f"task is {task!r}, not 'classification' or 'regression'")
    if classes < 2:
        raise InvalidTable(
            "target_one_class", f"the target has {classes} class: there is nothing to tell apart"
        )
    return Task.BINARY if classes == 2 else Task.MULTICLASS


def _word(label: Any) -> str:
    return category_word(label) or ""


def _series_name(y: Any) -> str | None:
    if nw.dependencies.is_into_series(y):
        found = nw.from_native(y, series_only=True).name
        return found if isinstance(found, str) and found else None
    return None


def _free_name(name: str, columns: Sequence[str]) -> str:
    while name in columns:
        name += "_"
    return name
