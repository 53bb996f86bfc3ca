"""What serving needs from outside: a runtime that opens a stored model and scores raw values with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tenantry.plan.meta import PlanHead, PlanMeta


class ScoringPlan(Protocol):
    """One opened model. All methods may be called any number of times; none keeps what it is given.

    A score is a tuple: the probability of the positive class (binary), one probability a class (multiclass),
    or the value (regression).
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw input columns, in order."""
        ...

    @property
    def n_outputs(self) -> int:
        """Length of a score."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that the opened model holds or maps, as measured; without its Python objects."""
        ...

    @property
    def batch(self) -> int:
        """How many single rows are worth waiting for, to be scored in one call: 1 where a batch saves nothing."""
        ...

    @property
    def head(self) -> PlanHead:
        """Signature and target alone, read anew each time."""
        ...

    @property
    def meta(self) -> PlanMeta:
        """What the model says of itself. Large: kept by nobody. Raises ``Corrupt("plan_corrupt")``."""
        ...

    def score(self, record: Mapping[str, Any], /) -> tuple[float, ...]:
        """Score one record. Raises ``InvalidData("record_value")``."""
        ...

    def score_rows(self, records: list[dict[str, Any]], /) -> list[tuple[float, ...]]:
        """Score several records. Raises as ``score`` does."""
        ...

    def score_columns(self, columns: Sequence[Any], rows: int, /) -> bytes:
        """Score columns (None = all missing): float64, rows × outputs, C order. Raises as ``score`` does."""
        ...


class Runtime(Protocol):
    """Opens models and explains their scores. Other kinds of model come in by other runtimes."""

    def open(self, path: Path, /) -> ScoringPlan:
        """Open a file whose SHA-256 the caller has compared. The model is given back when its last reference goes.

        Called in a thread of its own, one call at a time. Raises ``Corrupt`` for bytes that are no model,
        ``Unsupported`` for a model that this runtime cannot run, ``OSError`` for a file that cannot be read.
        """
        ...

    def trim(self) -> None:
        """Called after a round of evictions: give what the allocator still holds back to the system."""
        ...

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        """The ``k`` strongest attributions in words, strongest first; each can be encoded by msgspec.

        Raises ``Unsupported("reasons_unsupported")`` where this kind of model has none.
        """
        ...
