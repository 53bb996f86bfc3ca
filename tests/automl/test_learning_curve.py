import numpy as np
import pytest
from tests.automl.tables import customers, learn

from tenantry.automl.learning_curve import _described
from tenantry.schema import Task

ROWS = (400, 800, 1600)


def losses(rows, exponent=0.5, noise=0.3, seed=0, gain=2.0):
    """Losses of held-out rows whose mean follows a power law; what makes a row hard is the same for every size."""
    rng = np.random.default_rng(seed)
    hard = rng.exponential(0.4, rows)
    means = [gain * size**-exponent for size in ROWS]
    return np.column_stack([hard + mean + noise * 0.1 * rng.normal(size=rows) for mean in means])


def described(each):
    return _described(ROWS, each, 0.69, 2000, Task.BINARY, 0)


@pytest.mark.parametrize("exponent", [0.3, 0.5, 0.9])
def test_a_power_law_is_followed_to_twice_the_rows(exponent):
    curve = described(losses(4000, exponent, noise=0.05))
    truth = 2.0 * (2000**-exponent - 4000**-exponent)
    assert curve.doubled == pytest.approx(truth, rel=0.2)
    assert curve.doubled_low <= truth <= curve.doubled_high
    assert curve.rows == ROWS
    assert list(curve.loss) == sorted(curve.loss, reverse=True)


def test_what_twice_the_rows_surely_give_is_recommended():
    curve = described(losses(5000))
    assert curve.helps
    assert curve.words.startswith("More rows would help: twice the rows are expected to lower log loss by")


def test_a_flat_curve_and_a_noisy_one_recommend_nothing():
    for each in (losses(2000, gain=0.0), losses(60, noise=8.0), losses(2000, gain=-1.0)):
        curve = described(each)
        assert not curve.helps
        assert 0 <= curve.doubled_low <= curve.doubled <= curve.doubled_high
        assert "not sure to help" in curve.words


def test_a_training_with_time_to_spare_draws_its_curve():
    curve = learn(customers(900), "left", budget=60.0).scorecard.learning_curve
    assert curve is None or (curve.metric == "log_loss" and list(curve.rows) == sorted(curve.rows))
    strong = learn(customers(900), "left", budget=60.0, exclude=("since",), seed=1).scorecard
    if "usual trees" in strong.members["weights"]:
        assert strong.learning_curve is not None
