import json

import numpy as np
import pytest

from tenantry.evaluation import curves


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    y = (rng.random(1500) < 0.3).astype(np.int64)
    p = np.clip(0.3 + 0.2 * y + 0.2 * rng.normal(size=1500), 0.001, 0.999)
    return y, p


def lengths(curve):
    return {len(points) for points in curve.values()}


def test_binary_curves_are_short_json_and_start_and_end_where_they_must(scored):
    found = curves.binary_curves(*scored)
    json.dumps(found)
    assert set(found) == {"roc", "pr", "calibration", "lift", "confusion"}
    assert all(len(lengths(curve)) == 1 and max(lengths(curve)) <= 101 for curve in found.values())
    roc = found["roc"]
    assert roc["false_positive_rate"][0] == roc["true_positive_rate"][0] == 0.0
    assert roc["false_positive_rate"][-1] == roc["true_positive_rate"][-1] == 1.0
    assert found["lift"]["lift"][-1] == pytest.approx(1.0)


def test_confusion_adds_up_at_each_threshold(scored):
    y, p = scored
    found = curves.confusion_by_threshold(y, p)
    for i, cut in enumerate(found["threshold"]):
        assert found["true_positives"][i] == ((p >= cut) & (y == 1)).sum()
        assert found["false_positives"][i] == ((p >= cut) & (y == 0)).sum()
        parts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        assert sum(found[k][i] for k in parts) == len(y)


def test_the_calibration_curve_of_true_probabilities_is_the_diagonal():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(np.int64)
    found = curves.calibration_curve(y, p)
    assert np.abs(np.array(found["predicted"]) - found["observed"]).max() < 0.04


def test_multiclass_curves_stand_under_the_class_names():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 200)
    found = curves.multiclass_curves(y, rng.dirichlet(np.ones(3), 200), ("a", "b", "c"))
    assert {"a", "b", "c", "confusion_matrix"} == set(found)
    assert np.sum(found["confusion_matrix"]["rows"]) == 200


def test_residuals_count_nearly_every_row():
    rng = np.random.default_rng(3)
    y = rng.normal(size=500)
    found = curves.regression_curves(y, y + rng.normal(size=500))
    json.dumps(found)
    assert sum(found["residuals"]["counts"]) >= 490
    assert len(found["residuals"]["edges"]) == len(found["residuals"]["counts"]) + 1
    assert lengths(found["predicted_actual"]) == {100}


def test_residuals_of_a_perfect_model_are_no_error():
    y = np.arange(60.0)
    assert sum(curves.regression_curves(y, y)["residuals"]["counts"]) == 60
