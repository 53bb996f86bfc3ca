"""All checks in order, and what the definition says about their verdicts."""

from dataclasses import dataclass, replace

from tenantry.apps import PredictionDefinition
from tenantry.automl.checks.constant import check_constant
from tenantry.automl.checks.context import Context, Verdict
from tenantry.automl.checks.dates import check_dates
from tenantry.automl.checks.duplicate_columns import check_duplicate_columns
from tenantry.automl.checks.duplicate_rows import check_duplicate_rows
from tenantry.automl.checks.empty import check_empty
from tenantry.automl.checks.identifier import check_identifier
from tenantry.automl.checks.late import check_late
from tenantry.automl.checks.leakage import check_leakage
from tenantry.automl.checks.size import check_size
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.scorecard import Finding

_BEFORE = (check_empty, check_constant, check_identifier, check_duplicate_columns)
_LEAKS = (check_leakage,)
_AFTER = (check_late, check_dates, check_duplicate_rows, check_size)


@dataclass(frozen=True, slots=True)
class Checked:
    """``kept``: the features; ``left_out``: name → reason, of all other columns but the target and the key."""

    kept: tuple[TypedColumn, ...]
    left_out: dict[str, str]
    findings: tuple[Finding, ...]


def run_checks(context: Context, definition: PredictionDefinition) -> Checked:
    """Structural checks first, so that leakage is judged among columns that could be used at all.

    ``definition.include`` keeps a column whatever the checks say, ``exclude`` and ``only`` leave columns out.
    """
    left_out = _unwanted(context.columns, definition)
    findings: list[Finding] = []
    for stage in (_BEFORE, _LEAKS, _AFTER):
        columns = tuple(c for c in context.columns if c.name not in left_out)
        known = {name for found in findings if found.code == "leakage" for name in found.columns} & set(
            left_out
        )
        leaks = tuple(c for c in context.columns if c.name in known)
        now = replace(context, columns=columns, leaks=leaks)
        for check in stage:
            for verdict in check(now):
                findings.append(_apply(verdict, definition, left_out))
    kept = tuple(c for c in context.columns if c.name not in left_out)
    return Checked(kept, left_out, tuple(findings))


def _unwanted(columns: tuple[TypedColumn, ...], definition: PredictionDefinition) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for column in columns:
        if column.name in definition.exclude:
            reasons[column.name] = "the definition excludes it"
        elif column.name in definition.include:
            continue
        elif column.name in definition.protected:
            reasons[column.name] = "protected: used for the fairness report only"
        elif column.name == definition.group:
            reasons[column.name] = "names the group: later records come of others"
        elif definition.only and column.name not in definition.only:
            reasons[column.name] = "not among the definition's columns"
    return reasons


def _apply(verdict: Verdict, definition: PredictionDefinition, left_out: dict[str, str]) -> Finding:
    """Leave the verdict's last column out (a pair's second is the one that repeats), unless it is included by name."""
    if not verdict.leave_out:
        return verdict.finding
    name = verdict.finding.columns[-1]
    if name in definition.include:
        found = verdict.finding
        return Finding(
            code=found.code,
            severity=found.severity,
            columns=found.columns,
            message=found.message,
            action="Kept, because the definition includes it.",
            evidence=found.evidence,
        )
    left_out.setdefault(name, verdict.reason)
    return verdict.finding
