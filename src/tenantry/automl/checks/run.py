"""All checks in order, and what the definition says about their verdicts."""

from dataclasses import dataclass, replace

import msgspec

from tenantry.apps import PredictionDefinition
from tenantry.automl.checks.category_decides import check_category_decides
from tenantry.automl.checks.constant import check_constant
from tenantry.automl.checks.context import Context, Verdict
from tenantry.automl.checks.dates import check_dates
from tenantry.automl.checks.disguise import check_disguise
from tenantry.automl.checks.duplicate_columns import check_duplicate_columns
from tenantry.automl.checks.duplicate_rows import check_duplicate_rows
from tenantry.automl.checks.empty import check_empty
from tenantry.automl.checks.identifier import check_identifier
from tenantry.automl.checks.label_noise import check_label_noise
from tenantry.automl.checks.late import check_late
from tenantry.automl.checks.late_dates import check_late_dates
from tenantry.automl.checks.leakage import check_leakage
from tenantry.automl.checks.numbers_alike import check_hardly_varies, check_numbers_alike
from tenantry.automl.checks.size import check_size
from tenantry.automl.checks.target_parts import check_target_parts
from tenantry.automl.checks.tiny_classes import check_tiny_classes
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.scorecard import Finding

_BEFORE = (check_empty, check_constant, check_identifier, check_duplicate_columns)
_DISGUISES = (check_disguise, check_target_parts)
_LEAKS = (check_leakage,)
_AFTER = (
    check_late,
    check_late_dates,
    check_category_decides,
    check_dates,
    check_duplicate_rows,
    check_label_noise,
    check_hardly_varies,
    check_numbers_alike,
    check_size,
    check_tiny_classes,
)
_KNOW_OUTCOME = frozenset({"leakage", "target_in_disguise", "target_computed"})


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
    context = replace(context, time=next((c for c in context.columns if c.name == definition.time), None))
    findings: list[Finding] = []
    for stage in (_BEFORE, _DISGUISES, _LEAKS, _AFTER):
        told = {name for found in findings if found.code in _KNOW_OUTCOME for name in found.columns}
        columns = tuple(c for c in context.columns if c.name not in left_out)
        leaks = tuple(c for c in context.columns if c.name in told & set(left_out))
        now = replace(context, columns=columns, leaks=leaks)
        for check in stage:
            for verdict in check(now):
                if stage is _LEAKS and set(verdict.finding.columns) <= told:
                    continue  # kept for a reason that was told already
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
    """Leave the verdict's columns out, but those that are included by name."""
    found = verdict.finding
    if not verdict.leave_out:
        return found
    names = found.columns if verdict.leave_all else found.columns[-1:]
    unwanted = [name for name in names if name not in definition.include]
    for name in unwanted:
        left_out.setdefault(name, verdict.reason)
    if unwanted:
        return found
    return msgspec.structs.replace(found, action="Kept, because the definition includes it.")
