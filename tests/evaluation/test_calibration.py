import numpy as np
import pytest

from tenantry.evaluation import classification_metrics, measure_calibration
from tenantry.evaluation.calibration import chance_error
from tenantry.evaluation.metrics import expected_calibration_error


def probabilities(rows, seed=0):
    return np.random.default_rng(seed).beta(0.8, 2.0, rows)


def two(p):
    return np.column_stack((1 - p, p))


@pytest.mark.parametrize("rows", [80, 1500])
def test_a_perfect_model_stays_below_the_chance_figure_in_about_95_of_100_samples(rows):
    rng = np.random.default_rng(1)
    inside = 0
    for trial in range(300):
        p = probabilities(rows, trial)
        found = measure_calibration((rng.random(rows) < p).astype(np.int64), two(p), seed=trial)
        inside += found.error <= found.chance
    assert 0.91 <= inside / 300 <= 0.985


def test_cells_give_what_drawing_each_row_gives():
    p, rng = probabilities(400, 3), np.random.default_rng(4)
    drawn = [expected_calibration_error((rng.random(400) < p).astype(np.int64), p) for _ in range(4000)]
    assert chance_error(p) == pytest.approx(np.quantile(drawn, 0.95), rel=0.04)


def test_overstated_probabilities_are_seen():
    p = probabilities(3000)
    y = (np.random.default_rng(0).random(3000) < p / 2).astype(np.int64)
    found = measure_calibration(y, two(p))
    assert found.error > 3 * found.chance


def test_several_classes_are_judged_by_the_class_that_is_named():
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(4), 4000)
    y = np.array([rng.choice(4, p=row) for row in p])
    good = measure_calibration(y, p)
    assert good.error <= 1.5 * good.chance
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert measure_calibration(y, sharp).error > 5 * good.chance


def test_the_chance_figure_of_sure_predictions_is_zero():
    assert chance_error(np.array([0.0, 1.0, 1.0, 0.0])) == 0.0


def test_the_interval_of_the_error_reaches_down_to_a_model_without_one():
    rng = np.random.default_rng(5)
    inside = 0
    for trial in range(60):
        p = probabilities(300, trial)
        y = (rng.random(300) < p).astype(np.int64)
        measured = {m.name: m.estimate for m in classification_metrics(y, two(p), repeats=60)}
        found = measured["calibration_error"]
        assert found.low <= found.value <= found.high
        inside += found.low <= 0.01
    assert inside >= 40  # centred percentiles hardly ever would
