"""What was done and found, in plain words: the feature plan, the verdict, the model card."""

from tenantry.automl.compile import Fitted
from tenantry.automl.prose import figure
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.bundle.scorecard import ColumnReport, Metric, Scorecard
from tenantry.schema import NUMERIC_TYPES, Role, SemanticType, Task

_LIMITS = (
    "The model knows only what its training rows show. Where the way in which records come about changes, its "
    "figures no longer hold: watch its inputs and scores, and train again. It says what goes together, not what "
    "causes what. Do not use it to decide about people without checking it for unfairness."
)
UNPROVEN = "That is not surely better than guessing: do not rely on it."
_ORDERS = {"ymd": "year first", "mdy": "month first", "dmy": "day first"}


def feature_plan(fitted: Fitted) -> tuple[str, ...]:
    """One sentence a feature column."""
    return tuple(f"{column.name}: {_how(column, fitted)}" for column in fitted.space.columns)


def _how(column: TypedColumn, fitted: Fitted) -> str:
    if column.type in NUMERIC_TYPES:
        words = f"{column.type.value}, read as one number"
        if column.format.decimal == ",":
            words += " with a decimal comma"
        if column.format.nulls:
            words += f"; {', '.join(f'{v:g}' for v in column.format.nulls)} means missing"
        return words
    if column.type in DATE_TYPES:
        return f"{column.type.value}, {_ORDERS[column.order]}; days, and its parts where they vary"
    if column.type is SemanticType.GEOLOCATION:
        return "geolocation; latitude and longitude"
    for text in fitted.space.texts:
        if text.name == column.name and text.delimiter:
            return f"list; its {len(text.tokens)} frequent items, and how many there are"
        if text.name == column.name and column.type in TEXT_TYPES:
            return (
                f"{column.type.value}; TF-IDF of {len(text.tokens)} words and pairs of words, and its length"
            )
    for encoder in fitted.space.categories:
        if encoder.name == column.name:
            if encoder.two_words:
                return f"{column.type.value} of two words"
            what = f"{column.type.value} of {len(encoder.words)} words"
            return f"{what}; code, frequency, and target rate fitted out of fold"
    return column.type.value


def verdict(
    task: Task,
    metrics: tuple[Metric, ...],
    target: str,
    classes: tuple[str, ...],
    positive: str | None,
    *,
    proven: bool,
) -> str:
    """One sentence for someone who knows no metric, and one that says how far to trust it. ``proven``: the model is
    better than guessing beyond chance."""
    by_name = {metric.name: metric for metric in metrics}
    if task is Task.BINARY:
        area = by_name["auroc"]
        negative = next(c for c in classes if c != positive)
        return (
            f"Ranks a record with {target} = {positive} above one with {negative} {area.value:.0%} of the time "
            f"(guessing: 50%). {_trust(area, proven=proven)}"
        )
    if task is Task.MULTICLASS:
        right = by_name["accuracy"]
        return (
            f"Names the right {target} {right.value:.0%} of the time (always naming the most common: "
            f"{_guessing(right):.0%}). {_trust(by_name['macro_auroc'], proven=proven)}"
        )
    share, error = by_name["r2"], by_name["mae"]
    return (
        f"Explains {max(0.0, share.value):.0%} of the differences in {target}; on average it is off by "
        f"{figure(error.value)} (guessing: {figure(_guessing(error))}). {_trust(share, proven=proven)}"
    )


def _guessing(metric: Metric) -> float:
    if metric.guessing is None:
        raise AssertionError(f"{metric.name} is not measured against guessing")
    return metric.guessing


def _trust(metric: Metric, *, proven: bool) -> str:
    if not proven:
        return UNPROVEN
    width = metric.high - metric.low
    return "The figure is uncertain, for lack of rows." if width > 0.1 else "The figure is well founded."


def model_card(card: Scorecard, plan: tuple[str, ...]) -> str:
    """The model card in Markdown: purpose, data, quality, features, what was left out, limits."""
    parts = [
        f"# {card.prediction}",
        f"Predicts **{card.target}** ({card.task.value}) from {_count(card, Role.FEATURE)} columns. {card.verdict}",
        "## Data",
        f"{card.rows} rows with a known outcome."
        + (f" Outcomes: {', '.join(card.classes)}." if card.classes else "")
        + (f" The positive outcome is {card.positive_class}." if card.positive_class else ""),
        "## Quality",
        "Measured on rows that the model had not seen (cross-validation), with 95 % intervals.",
        _metric_table(card.metrics),
        *_trusted(card),
        "## What it looks at",
        _impact_table(card.columns),
        "\n".join(f"- {line}" for line in plan),
        "## What was left out",
        _left_out(card.columns),
        "## What was found in the data",
        "\n".join(f"- {f.severity}: {f.message}. {f.action}" for f in card.findings) or "Nothing of note.",
        *_fairness(card),
        "## Limits",
        _LIMITS,
        f"Trained in {card.cpu_seconds:.1f} CPU seconds (budget {card.budget_cpu_seconds:g}), seed {card.seed}.",
    ]
    return "\n\n".join(parts) + "\n"


def _trusted(card: Scorecard) -> list[str]:
    """What is known of the probabilities, the values and more rows; and what the model still lacks."""
    reports = (card.calibration, card.value_interval, card.learning_curve)
    words = [report.words for report in reports if report is not None]
    lacks = [f"- {gap.message}. {gap.action}" for gap in card.gaps]
    return [*words, *(["## What it still lacks", "\n".join(lacks)] if lacks else [])]


def _count(card: Scorecard, role: Role) -> int:
    return sum(column.role is role for column in card.columns)


def _metric_table(metrics: tuple[Metric, ...]) -> str:
    rows = [
        f"| {m.name} | {m.value:.4g} | {m.low:.4g} to {m.high:.4g} | "
        f"{'–' if m.guessing is None else f'{m.guessing:.4g}'} | {_gain(m)} | "
        f"{'higher' if m.higher_is_better else 'lower'} |"
        for m in metrics
    ]
    return "\n".join(
        [
            "| metric | value | 95 % interval | guessing | gain on guessing | better |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _gain(metric: Metric) -> str:
    if metric.gain is None or metric.gain_low is None or metric.gain_high is None:
        return "–"
    return f"{metric.gain:.4g} ({metric.gain_low:.4g} to {metric.gain_high:.4g})"


def _impact_table(columns: tuple[ColumnReport, ...]) -> str:
    ranked = sorted((c for c in columns if c.role is Role.FEATURE), key=lambda c: -c.impact)[:15]
    rows = [f"| {_cell(c.name)} | {c.type.value} | {c.impact:.1%} |" for c in ranked]
    return "\n".join(["| column | type | share of the impact |", "|---|---|---|", *rows])


def _fairness(card: Scorecard) -> list[str]:
    if not card.fairness:
        return []
    lines = [f"- {report.column}: {'; '.join(report.words) or 'one group only'}" for report in card.fairness]
    return ["## Fairness", "\n".join(lines)]


def _left_out(columns: tuple[ColumnReport, ...]) -> str:
    out = [c for c in columns if c.role is Role.EXCLUDED]
    return "\n".join(f"- {c.name}: {c.reason}" for c in out) or "No column."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def top_examples(column: TypedColumn, count: int = 3) -> tuple[str, ...]:
    """The most frequent values of a column, shortened to 40 characters."""
    values = column.values
    order = sorted(range(len(values.values)), key=lambda i: -int(values.counts[i]))[:count]
    return tuple(str(values.values[i])[:40] for i in order)


def column_report(column: TypedColumn, role: Role, impact: float, reason: str | None) -> ColumnReport:
    """A column as the scorecard names it."""
    rows = max(1, column.values.rows)
    missing = 1.0 if column.type is SemanticType.EMPTY else float(column.missing_rows().sum()) / rows
    return ColumnReport(
        name=column.name,
        type=column.type,
        role=role,
        impact=impact,
        reason=reason,
        evidence=column.evidence,
        missing=missing,
        distinct=len(column.values.values),
        examples=top_examples(column),
    )
