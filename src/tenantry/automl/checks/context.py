"""What every check is given, and what it gives back."""

from dataclasses import dataclass
from typing import Any, Literal

from tenantry.automl.arrays import I64
from tenantry.automl.target import Target
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.scorecard import Finding


@dataclass(frozen=True, slots=True)
class Context:
    """``columns``: the possible features, with the rows of ``target`` only; ``groups``: copies of a row share a number;
    ``target_name``: what the target column is called; ``leaks``: columns that earlier checks left out as knowing the
    outcome; ``time``: the date of each row that the definition names."""

    columns: tuple[TypedColumn, ...]
    target: Target
    target_name: str
    groups: I64
    leaks: tuple[TypedColumn, ...] = ()
    time: TypedColumn | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding, and whether its last column (a pair's second is the one that repeats), or with ``leave_all`` every
    column, should be left out of the features; ``reason`` says why in a few words."""

    finding: Finding
    leave_out: bool = False
    reason: str = ""
    leave_all: bool = False


def verdict(
    code: str,
    columns: tuple[str, ...],
    message: str,
    action: str,
    *,
    severity: Literal["info", "warning", "error"] = "info",
    leave_out: bool = False,
    reason: str = "",
    **evidence: Any,
) -> Verdict:
    """A verdict in one call."""
    finding = Finding(
        code=code, severity=severity, columns=columns, message=message, action=action, evidence=evidence
    )
    return Verdict(finding, leave_out, reason or message)
