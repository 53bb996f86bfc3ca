"""scikit-learn's own conformance checks, for both tasks."""

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from tenantry import Predictor

SMALL = {"minimum_rows": 1, "budget_cpu_seconds": 1}  # the checks bring as few as ten rows
ESTIMATORS = [
    Predictor(task="classification", threshold=0.5, **SMALL),  # predict must follow the larger probability
    Predictor(task="regression", **SMALL),
    Predictor(**SMALL),
]

EXPECTED: dict[str, str] = {}
"""Check → why it cannot pass: none."""


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda _: EXPECTED)
def test_scikit_learn_accepts_the_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
