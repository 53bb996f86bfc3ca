"""What a trained model still lacks before its scores should decide anything (A25), each gap with an action."""

import re
from typing import Literal

from tenantry.apps import PredictionDefinition
from tenantry.automl.splits import Split
from tenantry.automl.typing import DATE_TYPES
from tenantry.bundle.scorecard import ColumnReport, Finding, Scorecard
from tenantry.schema import Role, Task

Severity = Literal["info", "warning", "error"]
WIDE = 0.1
"""An interval of AUROC, or of explained variance, that leaves open whether the model is poor or good."""
_PERSONAL = re.compile(
    r"(?:^|[^a-z])(?:age|sex|gender|race|ethnic\w*|religion|nationality|marital\w*|disab\w*|pregnan\w*|senior\w*)"
    r"(?:[^a-z]|$)"
)
"""Words in column names that often speak of what people must not be judged by."""


def find_gaps(card: Scorecard, definition: PredictionDefinition, split: Split) -> tuple[Finding, ...]:
    """Those that stand in the way of any use first, then those that limit what can be said of the model."""
    used = [column for column in card.columns if column.role is Role.FEATURE]
    gaps = [
        *_certainty(card),
        *_open_questions(card),
        *_people(used, definition),
        *_time(card.columns, split),
        *_use(card, definition),
    ]
    return tuple(sorted(gaps, key=lambda gap: ("error", "warning", "info").index(gap.severity)))


def _certainty(card: Scorecard) -> list[Finding]:
    """How well the figures are known."""
    gaps = []
    first = card.metrics[0]
    if not card.proven:
        message = "The model is not surely better than guessing"
        gaps.append(
            _gap("gap_unproven", message, "Do not act on its scores; bring more rows or other columns.")
        )
    elif first.high - first.low > WIDE:
        message = f"{first.name} may be anything from {first.low:.2f} to {first.high:.2f}"
        gaps.append(
            _gap("gap_uncertain", message, "Train again with more rows before you rely on it.", "warning")
        )
    if card.calibration is not None and not card.calibration.calibrated:
        gaps.append(
            _gap(
                "gap_uncalibrated",
                "Probabilities are not what they say",
                "Rank by them, do not multiply.",
                "warning",
            )
        )
    curve = card.learning_curve
    if curve is not None and curve.helps:
        gaps.append(
            _gap("gap_rows", curve.words.rstrip("."), "Collect more records with known outcomes.", "info")
        )
    return gaps


def _open_questions(card: Scorecard) -> list[Finding]:
    """Findings that only someone who knows the columns can close."""
    asked = {
        c for f in card.findings if f.code in ("leakage_suspected", "dominant_column") for c in f.columns
    }
    if not asked:
        return []
    names = sorted(asked)
    return [
        _gap(
            "gap_leak",
            f"Nobody has said whether {_listed(names)} are known when a prediction is asked for",
            "Ask who fills them in, and when; `exclude` what comes after the outcome.",
            "warning",
            tuple(names),
        )
    ]


def _people(used: list[ColumnReport], definition: PredictionDefinition) -> list[Finding]:
    if definition.protected:
        return []
    personal = [c.name for c in used if _PERSONAL.search(_words(c.name))]
    if not personal:
        return []
    return [
        _gap(
            "gap_protected",
            f"The model learns from {_listed(personal)}, and nobody has looked at whom it disadvantages",
            "Name such columns in `protected`: they are left out, and the fairness report compares their groups.",
            "warning",
            tuple(personal),
        )
    ]


def _time(columns: tuple[ColumnReport, ...], split: Split) -> list[Finding]:
    if split.kind == "time":
        return []
    dates = [column.name for column in columns if column.type in DATE_TYPES]
    if not dates:
        return [
            _gap(
                "gap_time",
                "No column says when a record was made, so the model was not judged on later ones",
                "Add such a date; until then watch how the first predictions turn out.",
                "info",
            )
        ]
    return [
        _gap(
            "gap_time",
            "The model was not judged on records that are later than those it learnt from",
            f"If one of {_listed(dates)} says when a record was made, name it as `time`.",
            "info",
            tuple(dates),
        )
    ]


def _use(card: Scorecard, definition: PredictionDefinition) -> list[Finding]:
    """What the definition does not say of the use."""
    gaps = []
    if card.task is Task.BINARY and not definition.costs:
        gaps.append(
            _gap(
                "gap_costs",
                "The threshold makes F1 highest, which need not be what pays",
                "Say in `costs` what a false alarm and a missed case cost.",
                "info",
            )
        )
    if definition.key is None:
        gaps.append(
            _gap(
                "gap_key",
                "Records have no key, so predictions cannot be held against what happened later",
                "Name the column that identifies a record as `key`.",
                "info",
            )
        )
    return gaps


def _gap(
    code: str, message: str, action: str, severity: Severity = "error", columns: tuple[str, ...] = ()
) -> Finding:
    return Finding(code=code, severity=severity, columns=columns, message=message, action=action)


def _words(name: str) -> str:
    """``SeniorCitizen`` and ``senior_citizen`` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().replace("_", " ")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
