"""A failing segment in words and figures."""

from typing import Literal, NamedTuple

from tenantry.automl.insights.bins import told_number
from tenantry.automl.insights.conditions import Candidate
from tenantry.bundle.insights import Segment
from tenantry.schema import Task

Kind = Literal["error", "too_high", "too_low"]
AS_PROMISED = 0.02
"""A mean miss this little above what the scores promise is no more than they say."""


class Figures(NamedTuple):
    """``value`` of the segment, ``rest`` that it is held against, the mean miss ``promised`` by its scores, the p."""

    value: float
    rest: float
    promised: float
    p_value: float


def segment_of(kind: Kind, candidate: Candidate, figures: Figures, rows: int, task: Task) -> Segment:
    """``rows``: how many there are in all."""
    count = int(candidate.marks.sum())
    where = " and ".join(condition.text for condition in candidate.conditions)
    unpromised = kind != "error" or task is Task.REGRESSION
    return Segment(
        kind=kind,
        conditions=candidate.conditions,
        text=f"where {where}: {_words(kind, figures, task)} ({count:,} of {rows:,} records)",
        rows=count,
        share=round(count / max(rows, 1), 4),
        value=float(f"{figures.value:.5g}"),
        rest=float(f"{figures.rest:.5g}"),
        promised=None if unpromised else float(f"{figures.promised:.5g}"),
        p_value=float(f"{figures.p_value:.3g}"),
    )


def _words(kind: Kind, figures: Figures, task: Task) -> str:
    value, rest = _told(figures.value, task), _told(figures.rest, task)
    if kind == "error":
        said = f"misses by {value} on average, by {rest} elsewhere"
        if task is Task.REGRESSION:
            return said
        as_much = figures.value - figures.promised < AS_PROMISED
        return (
            f"{said}; its scores {'say as much' if as_much else f'promise {_told(figures.promised, task)}'}"
        )
    size = "high" if kind == "too_high" else "low"
    if task is Task.REGRESSION:
        return f"estimates {value} on average, too {size}: it was {rest}"
    if task is Task.BINARY:
        return f"says {value} on average, too {size}: {rest} happened"
    return f"is {value} sure on average, too {size}: {rest} were right"


def _told(value: float, task: Task) -> str:
    return told_number(value) if task is Task.REGRESSION else f"{100 * value:.0f} %"
