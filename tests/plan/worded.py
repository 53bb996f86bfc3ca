"""A small plan whose every part can be told by hand."""

from typing import Any

import msgspec
import numpy as np

from tenantry.plan import Plan, compile_plan
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    Linear,
    NumberColumn,
    PlanSpec,
    TextColumn,
)
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.schema import Column, SemanticType, Signature, Task

F = np.float32


def word_column(name: str, weights: dict[str, float], outputs: int = 1) -> CategoryColumn:
    values = np.array([*weights.values(), 0.0, 0.0], F)
    return CategoryColumn(
        name=name,
        words=tuple(weights),
        rows=np.arange(len(weights), dtype=np.int32),
        missing_row=len(weights),
        unseen_row=len(weights) + 1,
        slots=(),
        values=np.zeros((len(values), 0), F),
        weights=values[:, None] * np.array([1.0, -1.0, 0.5][:outputs], F),
        mean_weight=np.zeros(outputs, F),
    )


def make(
    task: Task = Task.BINARY,
    outputs: int = 1,
    positive: str | None = "Yes",
    *,
    calibration: Any = None,
    scale: float = 1.0,
    shares: bool = True,
) -> Plan:
    """Contract by word, tenure by -1/32 a unit, signup by +0.1/32 a day, notes by token."""
    types = {
        "Contract": SemanticType.CATEGORY,
        "tenure": SemanticType.NUMBER,
        "signup": SemanticType.DATE,
        "notes": SemanticType.TEXT,
    }
    ladder = tuple(float(q) for q in range(0, 84, 4))
    quantiles: dict[str, tuple[float, ...]] = {"tenure": ladder, "signup": tuple(19000 + q for q in ladder)}
    told: dict[str, Any] = {
        "Contract": {
            "top_values": ("Month-to-month", "Two year"),
            "top_shares": (0.55, 0.24),
            "missing": 0.0,
        },
        "tenure": {"missing": 0.004},
    }
    signature = Signature(
        task=task,
        inputs=tuple(Column(name=name, type=kind) for name, kind in types.items()),
        classes=() if task is Task.REGRESSION else ("No", "Yes", "Maybe")[: max(outputs, 2)],
        positive_class=positive,
    )
    meta = PlanMeta(
        signature=signature,
        columns=tuple(
            ColumnMeta(
                column=c, quantiles=quantiles.get(c.name, ()), **(told.get(c.name, {}) if shares else {})
            )
            for c in signature.inputs
        ),
        target="Churn",
        expected=(0.0,) * outputs,
    )
    kind: Any = (
        calibration or {Task.BINARY: "sigmoid", Task.MULTICLASS: "softmax", Task.REGRESSION: "linear"}[task]
    )
    return Plan.from_bytes(
        compile_plan(
            PlanSpec(
                task=task,
                n_outputs=outputs,
                n_slots=2,
                columns=(
                    word_column("Contract", {"Month-to-month": 0.5, "Two year": -0.5}, outputs),
                    NumberColumn(name="tenure", slot=0),
                    DateColumn(name="signup", order="ymd", days=1),
                    TextColumn(
                        name="notes",
                        tokens=("late",),
                        idf=np.ones(1, F),
                        token_slots=np.full(1, -1, np.int32),
                        weights=np.full((1, outputs), 0.25, F),
                        mean_weight=np.zeros(outputs, F),
                    ),
                ),
                trees=(),
                linear=Linear(
                    intercept=np.zeros(outputs),
                    slot=np.array([0, 1], np.int32),
                    mean=np.array([40, 19040], F),
                    inv_scale=np.array([1 / 32, 1 / 32], F),
                    fill=np.array([60, 19040], F),
                    center=np.zeros(2, F),
                    weight=np.array([[-1.0] * outputs, [0.1] * outputs], F),
                ),
                base=np.zeros(outputs),
                forest_weight=0.0,
                linear_weight=1.0,
                calibration=Calibration(kind=kind, a=scale, b=np.zeros(outputs)),
                meta=msgspec.to_builtins(meta),
            )
        )
    )
