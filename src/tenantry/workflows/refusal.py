"""The honest end of a training from which nothing could be learnt (A9)."""

from tenantry.apps import PredictionDefinition
from tenantry.bundle import Metric, Scorecard
from tenantry.errors import InvalidData
from tenantry.schema import Role

FEW_ROWS = 2000


def require_proven(card: Scorecard, definition: PredictionDefinition) -> None:
    """Refuse a model that is not better than guessing beyond chance, unless the definition says to keep it.

    Raises ``InvalidData("nothing_to_learn")``: the message says what was tried and what guessing gets, the hint what
    could help; ``details`` holds the figures, the columns that were used, and those that were left out with the reason.
    """
    if card.proven or definition.unproven == "keep":
        return
    used = [column.name for column in card.columns if column.role is Role.FEATURE]
    left_out = {c.name: c.reason or "" for c in card.columns if c.role is Role.EXCLUDED}
    first = card.metrics[0]
    raise InvalidData(
        "nothing_to_learn",
        f"nothing was found in {len(used)} columns of {card.rows:,} rows that tells {card.target!r} better than "
        f"guessing: {_against(first)}",
        hint=" ".join(_advice(card, first, left_out)),
        details={
            "rows": card.rows,
            "metric": first.name,
            "value": first.value,
            "low": first.low,
            "high": first.high,
            "guessing": first.guessing,
            "columns": used[:100],
            "left_out": dict(list(left_out.items())[:100]),
        },
    )


def _against(metric: Metric) -> str:
    """The figure in words, beside what guessing gets."""
    if metric.name in ("auroc", "macro_auroc"):
        return (
            f"the best model ranks {metric.value:.0%} of pairs rightly (95 %: {metric.low:.0%} to {metric.high:.0%}), "
            "and a coin 50%"
        )
    if metric.name == "r2":
        return (
            f"the best model explains {metric.value:.0%} of the differences (95 %: {metric.low:.0%} to "
            f"{metric.high:.0%}), and the mean 0%"
        )
    return f"{metric.name} is {metric.value:.3g} (95 %: {metric.low:.3g} to {metric.high:.3g})"


def _advice(card: Scorecard, metric: Metric, left_out: dict[str, str]) -> list[str]:
    """What could help, the likeliest first."""
    advice = []
    leaks = [name for name, reason in left_out.items() if reason.startswith("leakage")]
    if leaks:
        named = ", ".join(leaks[:5])
        advice.append(f"{named} know the outcome and were left out: include them if they are known in time.")
    if card.rows < FEW_ROWS:
        reach = (metric.high - metric.low) / 2
        advice.append(
            f"Bring more rows: {card.rows:,} can only show a model whose {metric.name} beats guessing by about "
            f"{reach:.2f}."
        )
    advice.append("Bring columns that have to do with the outcome and are known before it.")
    advice.append("To register the model all the same, set `unproven: keep` in the definition.")
    return advice
