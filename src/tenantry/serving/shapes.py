"""What equal models have in common, kept once.

Tenants of one app have models with the same columns, task and classes; only the figures differ. Each distinct
:class:`Shape` is one object in a worker, shared by its models and gone with the last of them, so that ten thousand
models do not mean ten thousand dictionaries of column names.
"""

from weakref import WeakValueDictionary

from tenantry.schema import NUMERIC_TYPES, Signature, Task
from tenantry.serving.ports import ScoringPlan

_Key = tuple[tuple[str, ...], Signature, str]


class Shape:
    """Columns, task and classes of a model, worked out for answering. Never changed after it was made."""

    __slots__ = (
        "__weakref__", "classes", "columns", "index", "key", "known", "negative", "numeric", "positive",
        "positive_index", "target", "task", "usual",
    )  # fmt: skip

    def __init__(self, columns: tuple[str, ...], signature: Signature, target: str) -> None:
        types = {column.name: column.type for column in signature.inputs}
        self.key: _Key = (columns, signature, target)
        self.columns = columns
        self.index = {name: i for i, name in enumerate(columns)}
        self.known = frozenset(columns)
        self.usual = list(columns)
        """The fields of the last record, in its order: an equal list needs no second look at each of them."""
        self.numeric = tuple(types.get(name) in NUMERIC_TYPES for name in columns)
        self.task = signature.task
        self.classes = signature.classes
        self.target = target
        self.positive = self.negative = ""
        self.positive_index = 0
        if self.task is Task.BINARY:
            self.positive = signature.positive_class or self.classes[1]
            self.positive_index = self.classes.index(self.positive)
            self.negative = self.classes[1 - self.positive_index]


_SHAPES: WeakValueDictionary[_Key, Shape] = WeakValueDictionary()


def shape_of(plan: ScoringPlan) -> tuple[Shape, float]:
    """The plan's shape, and its threshold, which differs between models that are alike in all else.

    Raises ``ValueError`` or ``IndexError`` where the plan names a positive class that it does not have.
    """
    head = plan.head
    signature = Signature(
        task=head.signature.task,
        inputs=head.signature.inputs,
        classes=head.signature.classes,
        positive_class=head.signature.positive_class,
    )
    key = (tuple(plan.columns), signature, head.target)
    shape = _SHAPES.get(key)
    if shape is None:
        # Two threads may both get here: one of the two equal shapes is then used by fewer models.
        shape = _SHAPES[key] = Shape(*key)
    return shape, head.signature.threshold


def shapes() -> int:
    """How many distinct shapes are in use."""
    return len(_SHAPES)
