"""A scorecard that reads well at a prompt and in a notebook."""

from html import escape

import msgspec

from tenantry.bundle.scorecard import Metric, Scorecard
from tenantry.schema import Role

TOP = 8
"""Most columns and findings shown."""


class ShownScorecard(Scorecard, frozen=True, kw_only=True):
    """A :class:`~tenantry.bundle.scorecard.Scorecard` with a readable form. All figures are its fields."""

    @classmethod
    def of(cls, scorecard: Scorecard) -> "ShownScorecard":
        """The same figures in this class."""
        fields = (field.name for field in msgspec.structs.fields(Scorecard))
        return cls(**{name: getattr(scorecard, name) for name in fields})

    def __repr__(self) -> str:
        lines = [f"Scorecard of {self.target} ({self.task}, {self.rows:,} rows)", self.verdict, ""]
        width = max((len(metric.name) for metric in self.metrics), default=0)
        lines += [f"  {metric.name:<{width}}  {_figures(metric)}" for metric in self.metrics]
        lines += [f"  {words}" for words in self._trust()]
        top = self._top()
        if top:
            lines += ["", "  What it rests on:"]
            width = max(len(name) for name, _ in top)
            lines += [f"    {name:<{width}}  {impact:5.1%}" for name, impact in top]
        lines += [f"  Left out: {name}: {reason}" for name, reason in self._left_out()]
        lines += [
            f"  {finding.severity}: {finding.message.rstrip('.')}. {finding.action}"
            for finding in (*self.findings[:TOP], *self.gaps[:TOP])
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The notebook's form: two small tables."""
        metrics = "".join(
            f"<tr><td>{escape(m.name)}</td><td>{m.value:.4g}</td><td>{m.low:.4g} to {m.high:.4g}</td>"
            f"<td>{'–' if m.guessing is None else f'{m.guessing:.4g}'}</td></tr>"
            for m in self.metrics
        )
        columns = "".join(
            f"<tr><td>{escape(name)}</td><td>{impact:.1%}</td></tr>" for name, impact in self._top()
        )
        left_out = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in self._left_out())
        return (
            f"<div><p><b>{escape(self.target)}</b> ({self.task}, {self.rows:,} rows). "
            f"{escape(self.verdict)}</p>"
            "<table><tr><th>measure</th><th>value</th><th>95 % interval</th><th>guessing</th></tr>"
            f"{metrics}</table>"
            f"{''.join(f'<p>{escape(words)}</p>' for words in self._trust())}"
            f"<table><tr><th>column</th><th>impact</th></tr>{columns}</table>"
            f"{'<p>Left out:</p><ul>' + left_out + '</ul>' if left_out else ''}</div>"
        )

    def _trust(self) -> list[str]:
        """What is known of the probabilities, of the values, and of more rows, in words."""
        reports = (self.calibration, self.value_interval, self.learning_curve)
        return [report.words for report in reports if report is not None]

    def _top(self) -> list[tuple[str, float]]:
        ranked = sorted(self.columns, key=lambda column: -column.impact)
        return [(column.name, column.impact) for column in ranked[:TOP] if column.impact > 0]

    def _left_out(self) -> list[tuple[str, str]]:
        left = (column for column in self.columns if column.role is Role.EXCLUDED)
        return [(column.name, column.reason or "") for column in left]


def _figures(metric: Metric) -> str:
    guessing = "" if metric.guessing is None else f"; guessing: {metric.guessing:.4g}"
    return f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g}{guessing})"
