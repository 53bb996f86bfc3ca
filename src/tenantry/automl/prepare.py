"""From a raw table to typed, checked features and a target."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tenantry.apps import PredictionDefinition, check_use
from tenantry.apps.filters import apply_filters
from tenantry.automl.arrays import I64
from tenantry.automl.checks import Checked, Context, run_checks
from tenantry.automl.checks.duplicate_rows import row_groups
from tenantry.automl.target import MIN_ROWS, Target, read_target
from tenantry.automl.typing import TypedColumn, type_table
from tenantry.automl.words import column_report
from tenantry.bundle.scorecard import ColumnReport, Finding
from tenantry.errors import InvalidData, InvalidRequest
from tenantry.schema import Role

MAX_COLUMNS = 2000
ALWAYS_ROWS = 20_000
"""Tables are never sampled below this many rows for the budget's sake."""
_SECONDS_PER_CELL = 6.5e-9 * 200 * 6
"""CPU seconds of the forest for one cell: 6.5 ns a round, about 200 rounds, five folds and the last fit."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """``columns``: all columns but the target, in the table's order; ``features``: those to learn from. All hold the
    rows of ``target`` only. ``groups``: copies of a row share a number."""

    columns: tuple[TypedColumn, ...]
    features: tuple[TypedColumn, ...]
    target_column: TypedColumn
    target: Target
    groups: I64
    checked: Checked
    findings: tuple[Finding, ...]

    def report(self, impact: dict[str, float], key: str | None) -> tuple[ColumnReport, ...]:
        """Every column of the table as the scorecard names it; the target comes first."""
        reports = [column_report(self.target_column, Role.TARGET, 0.0, None)]
        for column in self.columns:
            if column.name == key:
                reports.append(column_report(column, Role.KEY, 0.0, "the record key"))
            elif column.name in self.checked.left_out:
                reason = self.checked.left_out[column.name]
                reports.append(column_report(column, Role.EXCLUDED, 0.0, reason))
            else:
                reports.append(column_report(column, Role.FEATURE, impact.get(column.name, 0.0), None))
        return tuple(reports)


def prepare(
    table: pa.Table,
    definition: PredictionDefinition,
    cpu_seconds: float,
    seed: int,
    minimum_rows: int = MIN_ROWS,
) -> Prepared:
    """Filter, type, read the target, check. Errors: ``InvalidRequest`` column_missing, target_missing,
    definition_invalid; ``InvalidData`` of :func:`read_target`, too_many_columns, column_duplicate,
    no_usable_columns."""
    _check_names(table, definition)
    table = apply_filters(table, (*definition.segment, *definition.examples))
    if table.num_rows == 0:
        raise InvalidData("too_few_rows", "no row is left of the table after its filters")
    typed = type_table(table, table.column_names, definition.types)
    target_column = next(c for c in typed if c.name == definition.target)
    target = read_target(target_column, definition, minimum_rows)
    check_use(definition, target.task, target.classes)
    others = [c for c in typed if c.name != definition.target]
    target, sampled = _sample(target, len(others), cpu_seconds, seed)
    rows = target.rows
    columns = tuple(c.take(rows) for c in others)
    groups = row_groups(columns, len(rows))
    usable = tuple(c for c in columns if c.name != definition.key)
    checked = run_checks(Context(usable, target, definition.target, groups), definition)
    if not checked.kept:
        left = ", ".join(f"{name} ({reason})" for name, reason in list(checked.left_out.items())[:5])
        raise InvalidData(
            "no_usable_columns", f"no column is left to learn from: {left}" if left else "no column"
        )
    return Prepared(
        columns,
        checked.kept,
        target_column.take(rows),
        target,
        groups,
        checked,
        (*target.findings, *sampled, *checked.findings),
    )


def _check_names(table: pa.Table, definition: PredictionDefinition) -> None:
    names = table.column_names
    if definition.target not in names:
        raise InvalidData("target_missing", f"the table has no column {definition.target!r}")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidData("column_duplicate", f"two columns are called {twice!r}")
    if len(names) > MAX_COLUMNS:
        raise InvalidData(
            "too_many_columns", f"the table has {len(names)} columns; {MAX_COLUMNS} are the most"
        )
    for name in definition.named_columns:
        if name not in names:
            raise InvalidRequest(
                "column_missing", f"the table has no column {name!r}, which the definition names"
            )


def _sample(
    target: Target, columns: int, cpu_seconds: float, seed: int
) -> tuple[Target, tuple[Finding, ...]]:
    """Fewer rows where the budget could not pay for all of them."""
    outputs = len(target.classes) if len(target.classes) > 2 else 1
    affordable = int(0.7 * cpu_seconds / (_SECONDS_PER_CELL * 1.5 * max(1, columns) * outputs))
    rows, most = len(target.rows), max(ALWAYS_ROWS, affordable)
    if rows <= most:
        return target, ()
    kept = np.sort(np.random.default_rng(seed).permutation(rows)[:most])
    finding = Finding(
        code="rows_sampled",
        severity="info",
        columns=(),
        message=f"{most} of {rows} rows were used, chosen at random",
        action=f"Raise the budget above {cpu_seconds:g} CPU seconds to learn from all rows.",
        evidence={"used": most, "rows": rows},
    )
    return replace(target, rows=target.rows[kept], y=target.y[kept]), (finding,)
