"""What is predicted: the task, the classes and their numbers, or the values; and which rows can teach it."""

from dataclasses import dataclass, replace

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64, I64
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.automl.typing.numbers import find_numbers
from tenantry.bundle.scorecard import Finding
from tenantry.errors import InvalidData
from tenantry.schema import SemanticType, Task

MIN_ROWS = 50
"""Fewest rows with a known outcome; a class needs a fifth of that."""
MAX_CLASSES = 50
_POSITIVE_WORDS = (
    "yes",
    "true",
    "1",
    "y",
    "t",
    "positive",
    "churned",
    "converted",
    "won",
    "default",
    "fraud",
)


@dataclass(frozen=True, slots=True)
class Target:
    """``rows``: positions of the rows with a known outcome; ``y``: their class numbers (int64) or values (float64).

    ``classes`` in the order of probabilities; for binary (negative, positive).
    """

    task: Task
    rows: I64
    y: np.ndarray
    classes: tuple[str, ...] = ()
    positive: str | None = None
    evidence: str = ""
    findings: tuple[Finding, ...] = ()


def read_target(
    column: TypedColumn, definition: PredictionDefinition, minimum_rows: int = MIN_ROWS
) -> Target:
    """Decide the task and read the outcomes. Errors: ``InvalidData`` target_all_null, target_one_class, target_type,
    too_few_rows, too_many_classes, positive_class."""
    codes, words = column.words()
    known = int((codes >= 0).sum())
    if known == 0:
        raise InvalidData("target_all_null", f"the target {column.name!r} has no value in any row")
    if known < minimum_rows:
        raise InvalidData(
            "too_few_rows", f"only {known} rows have a known {column.name!r}; {minimum_rows} are needed"
        )
    if len(words) == 1:
        raise InvalidData("target_one_class", f"every known {column.name!r} is {words[0]!r}")
    task, evidence = _task(column, definition, codes, words)
    if task is Task.REGRESSION:
        return _values(column, evidence, minimum_rows)
    found = _classes(column.name, codes.astype(np.int64), words, max(1, minimum_rows // 5))
    if task is Task.BINARY and len(found.classes) > 2:
        raise InvalidData(
            "target_type", f"a binary task needs two outcomes, and {column.name!r} has {len(found.classes)}"
        )
    found = replace(found, evidence=evidence)
    return _binary(found, definition) if len(found.classes) == 2 else found


def _task(
    column: TypedColumn, definition: PredictionDefinition, codes: np.ndarray, words: tuple[str, ...]
) -> tuple[Task, str]:
    if definition.task is not None:
        return definition.task, "as the definition says"
    if len(words) == 2:
        return Task.BINARY, f"{column.name} has two values"
    numbers = find_numbers(column.values)
    if numbers is not None:
        parsed = numbers.parsed[~np.isnan(numbers.parsed)]
        whole = bool((parsed == np.floor(parsed)).all())
        if whole and len(words) <= 10 and (codes >= 0).sum() >= 20 * len(words):
            return Task.MULTICLASS, f"{column.name} has {len(words)} whole numbers only, each often"
        return Task.REGRESSION, f"{column.name} is a number with {len(words)} different values"
    if column.type in DATE_TYPES or column.type in TEXT_TYPES or column.type is SemanticType.GEOLOCATION:
        raise InvalidData(
            "target_type", f"the target {column.name!r} is a {column.type.value}, which cannot be predicted"
        )
    return Task.MULTICLASS, f"{column.name} has {len(words)} different words"


def _values(column: TypedColumn, evidence: str, minimum_rows: int) -> Target:
    found = find_numbers(column.values)
    if found is None:
        raise InvalidData(
            "target_type", f"the target {column.name!r} holds no numbers, so it cannot be estimated"
        )
    parsed = np.append(found.parsed, np.nan)[column.values.codes]
    rows = np.flatnonzero(~np.isnan(parsed)).astype(np.int64)
    if len(rows) < minimum_rows:
        raise InvalidData("too_few_rows", f"only {len(rows)} rows have a number as {column.name!r}")
    y: F64 = parsed[rows]
    if y.min() == y.max():
        raise InvalidData("target_one_class", f"every known {column.name!r} is {y[0]:g}")
    return Target(Task.REGRESSION, rows, y, evidence=evidence)


def _classes(name: str, codes: I64, words: tuple[str, ...], least_rows: int) -> Target:
    """Class numbers in the order of the words; classes of fewer than ``least_rows`` rows are dropped,
    unless only two exist."""
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    rare = [i for i in range(len(words)) if counts[i] < least_rows]
    kept = [i for i in range(len(words)) if counts[i] >= least_rows]
    if len(kept) < 2:
        least = int(counts.min()) if len(words) == 2 else 0
        raise InvalidData(
            "too_few_rows",
            f"{name!r} has fewer than {least_rows} rows of "
            + (f"one outcome ({least})" if len(words) == 2 else "all outcomes but one"),
        )
    if len(kept) > MAX_CLASSES:
        raise InvalidData(
            "too_many_classes", f"{name!r} has {len(kept)} outcomes; {MAX_CLASSES} are the most"
        )
    order = sorted(kept, key=lambda i: _class_key(words[i]))
    place = np.full(len(words) + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    y = place[codes]
    rows = np.flatnonzero(y >= 0).astype(np.int64)
    findings = (
        ()
        if not rare
        else (_rare_finding(name, [words[i] for i in rare], int(counts[rare].sum()), least_rows),)
    )
    task = Task.BINARY if len(order) == 2 else Task.MULTICLASS
    return Target(task, rows, y[rows], tuple(words[i] for i in order), findings=findings)


def _class_key(word: str) -> tuple[int, float, str]:
    """Numbers by size, words by alphabet."""
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word


def _rare_finding(name: str, words: list[str], rows: int, least: int) -> Finding:
    return Finding(
        code="rare_classes",
        severity="warning",
        columns=(name,),
        message=f"{len(words)} outcomes have fewer than {least} rows each: {', '.join(words[:5])}",
        action="Their rows were left out, and they will not be predicted; bring more examples or join outcomes.",
        evidence={"classes": words[:50], "rows": rows},
    )


def _binary(target: Target, definition: PredictionDefinition) -> Target:
    """Put the positive class second: the user's, else the one that says yes, else the rarer."""
    first, second = target.classes
    share = float(target.y.mean())
    wanted = definition.positive_class
    if wanted is not None and wanted not in target.classes:
        raise InvalidData(
            "positive_class",
            f"{wanted!r} is none of the outcomes {first!r} and {second!r} of {definition.target!r}",
        )
    telling = [c for c in target.classes if c.lower() in _POSITIVE_WORDS]
    if wanted is not None:
        positive = wanted
    elif len(telling) == 1:
        positive = telling[0]
    else:
        positive = second if share <= 0.5 else first
    if positive == second:
        return replace(target, positive=positive)
    return replace(target, y=1 - target.y, classes=(second, first), positive=positive)
