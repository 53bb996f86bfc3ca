"""The types that a user's checker sees; read by mypy in ``test_typing.py``, never run."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

from tenantry import Predictor
from tenantry.bundle.scorecard import Scorecard
from tenantry.plan.reasons import Reason

model = Predictor(
    "Churn",
    task="classification",
    positive_class="Yes",
    include=["notes"],
    exclude=("id",),
    metric="auroc",
    costs={"false_positive": 1, "false_negative": 5},
    class_weights={"Yes": 2.0},
    monotone={"tenure": "decreasing"},
    split="group",
    group="household",
    budget_cpu_seconds=5,
    random_state=None,
)
assert_type(model.fit([[1]], [1]), Predictor)
assert_type(model.predict_proba([[1]]), npt.NDArray[np.float64])
assert_type(model.explain([[1]], k=2), list[list[Reason]])
assert_type(model.score([[1]], [1]), float)
assert_type(model.scorecard(), Scorecard)
assert_type(model.save("churn.tenantry"), Path)
assert_type(Predictor.load(Path("churn.tenantry")), Predictor)
predicted: Any = model.predict([[1]])
Predictor(task="ranking")  # type: ignore[arg-type]
Predictor("Churn", "classification")  # type: ignore[call-arg]
Predictor(effort="heroic")  # type: ignore[arg-type]
