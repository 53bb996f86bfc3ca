"""Opened models: what serving knows of one, and how its scores become answers."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from tenantry.plan.meta import PlanMeta
from tenantry.schema import Task
from tenantry.serving.ports import Runtime, ScoringPlan
from tenantry.serving.shapes import shape_of
from tenantry.tenancy import TenantId

_NOBODY = TenantId("")
_new = tuple.__new__
"""Makes a named tuple in less than half the time that its class takes."""


class Outcome(NamedTuple):
    """One row's answer. ``label`` and ``probabilities`` (in the order of the classes) are None for
    regression.
    """

    label: str | None
    score: float
    probabilities: tuple[float, ...] | None
    output: int | None
    """The plan output that reasons should be about: the top class of several, None where there is one
    output.
    """


class Model:
    """An opened plan with everything that answering needs of it. What equal models share is borrowed from their
    :class:`~tenantry.serving.shapes.Shape`.

    The attributes from ``tenant`` on are kept by the residency, which alone changes them.
    """

    __slots__ = (
        "__weakref__", "binary", "classes", "columns", "cost", "floor", "index", "known", "leases", "loads", "nbytes",
        "negative", "numeric", "plan", "positive", "positive_index", "rank", "runtime", "seconds", "sha256", "shape",
        "task", "tenant", "threshold", "used", "uses",
    )  # fmt: skip

    def __init__(self, plan: ScoringPlan, runtime: Runtime) -> None:
        shape, self.threshold = shape_of(plan)
        self.plan = plan
        self.runtime = runtime
        self.shape = shape
        self.columns = shape.columns
        self.index = shape.index
        self.known = shape.known
        self.numeric = shape.numeric
        self.task = shape.task
        self.binary = shape.task is Task.BINARY
        self.classes = shape.classes
        self.positive = shape.positive
        self.negative = shape.negative
        self.positive_index = shape.positive_index
        self.tenant = _NOBODY
        self.sha256 = ""
        self.nbytes = 0
        """Bytes that the model takes: of the plan, and of the Python objects that are its own."""
        self.seconds = 0.0
        """How long loading it took."""
        self.cost = 0.0
        """The same, as far as it is believed (:class:`~tenantry.serving.eviction.Ranking`)."""
        self.loads = 1
        """How often it was loaded, as far as is remembered."""
        self.leases = 0
        self.uses = 0
        """How often it was found since it was loaded."""
        self.used = 0.0
        """When it was last found, by the residency's clock (s)."""
        self.floor = 0.0
        """The eviction's floor at that time (:mod:`tenantry.serving.eviction`)."""
        self.rank = 0

    @property
    def meta(self) -> PlanMeta:
        """What the plan says of itself, read from the plan when asked for: it is larger than all the rest."""
        return self.plan.meta

    def __enter__(self) -> Self:
        """For ``with residency.lease(model):``, which ends the lease that was taken."""
        return self

    def __exit__(self, *exception: object) -> None:
        self.leases -= 1

    def outcome(self, values: Sequence[float]) -> Outcome:
        """The answer that one row's scores come to."""
        if self.binary:
            p = values[0]
            label = self.positive if p >= self.threshold else self.negative
            return _new(Outcome, (label, p, (1.0 - p, p) if self.positive_index else (p, 1.0 - p), None))
        if self.task is Task.MULTICLASS:
            best = max(values)
            top = values.index(best)
            return Outcome(self.classes[top], best, tuple(values), top)
        return Outcome(None, values[0], None, None)

    def outcomes_of(self, scores: Sequence[Sequence[float]]) -> list[Outcome]:
        """The answers that several rows' scores come to."""
        if not self.binary:
            return [self.outcome(values) for values in scores]
        return self._binary([values[0] for values in scores])

    def outcomes(self, columns: Sequence[Any], rows: int) -> list[Outcome]:
        """Score ``rows`` rows of columns (None = all missing)."""
        flat = array("d", self.plan.score_columns(columns, rows))
        width = self.plan.n_outputs
        if self.binary:
            return self._binary(flat)
        if width == 1:
            return [self.outcome((value,)) for value in flat]
        return [self.outcome(tuple(flat[i : i + width])) for i in range(0, rows * width, width)]

    def _binary(self, scores: Iterable[float]) -> list[Outcome]:
        """As ``outcome``, without a call a row."""
        positive, negative, threshold = self.positive, self.negative, self.threshold
        if self.positive_index:
            return [
                _new(Outcome, (positive if p >= threshold else negative, p, (1.0 - p, p), None))
                for p in scores
            ]
        return [
            _new(Outcome, (positive if p >= threshold else negative, p, (p, 1.0 - p), None)) for p in scores
        ]

    def reasons(self, record: Mapping[str, Any], k: int, outcome: Outcome) -> Sequence[Any]:
        """Why this record got this answer: the ``k`` strongest reasons."""
        return self.runtime.reasons(self.plan, record, k, outcome.output)
