import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from tenantry.evaluation import classification_metrics
from tenantry.evaluation import metrics as m


@st.composite
def scored(draw):
    n = draw(st.integers(4, 60))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    y[:2] = (0, 1)
    levels = draw(st.integers(1, 12))  # few levels make ties
    score = np.array(draw(st.lists(st.integers(0, levels), min_size=n, max_size=n))) / (levels + 1)
    return y, score


@given(scored())
def test_auroc_and_average_precision_equal_the_reference(pair):
    y, score = pair
    assert m.auroc(y, score) == pytest.approx(reference.roc_auc_score(y, score))
    assert m.average_precision(y, score) == pytest.approx(reference.average_precision_score(y, score))


@given(scored(), st.integers(0, 5))
def test_weights_count_as_repeated_rows(pair, seed):
    y, score = pair
    times = np.random.default_rng(seed).integers(1, 4, len(y))
    again_y, again = np.repeat(y, times), np.repeat(score, times)
    weights = times.astype(float)
    assert m.auroc(y, score, weights) == pytest.approx(m.auroc(again_y, again))
    assert m.average_precision(y, score, weights) == pytest.approx(m.average_precision(again_y, again))
    assert m.expected_calibration_error(y, score, weights=weights) == pytest.approx(
        m.expected_calibration_error(again_y, again)
    )


def test_one_class_has_no_auroc():
    assert np.isnan(m.auroc(np.ones(5, dtype=int), np.arange(5.0)))
    assert np.isnan(m.average_precision(np.zeros(5, dtype=int), np.arange(5.0)))


def test_losses_equal_the_reference():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    p = rng.dirichlet([1, 1, 1], 200)
    assert m.row_log_loss(y, p).mean() == pytest.approx(reference.log_loss(y, p))
    assert m.macro_f1(y, p.argmax(axis=1), 3) == pytest.approx(
        reference.f1_score(y, p.argmax(axis=1), average="macro")
    )
    binary = (y == 1).astype(int)
    assert m.row_brier(binary, np.column_stack((1 - p[:, 1], p[:, 1]))).mean() == pytest.approx(
        reference.brier_score_loss(binary, p[:, 1])
    )
    values, guess = rng.normal(size=50), rng.normal(size=50)
    assert m.r2(values, guess) == pytest.approx(reference.r2_score(values, guess))
    assert m.rmse(values, guess) == pytest.approx(reference.root_mean_squared_error(values, guess))


def test_a_perfectly_calibrated_forecast_has_no_calibration_error():
    y = np.array([0, 0, 1, 1] * 25)
    assert m.expected_calibration_error(y, np.full(100, 0.5)) == pytest.approx(0.0)
    assert m.expected_calibration_error(y, np.full(100, 0.9)) == pytest.approx(0.4)


def test_no_interval_leaves_what_its_figure_can_be():
    y = np.arange(60) % 3 == 0
    p = np.where(y, 0.97, 0.02)
    # One mistake: the normal interval of the accuracy would reach over 1, those of the losses under 0.
    p[1] = 0.9
    binary = classification_metrics(y.astype(np.int64), np.column_stack((1 - p, p)), 0.5)
    for found in binary:
        assert found.estimate.low >= 0, found
        assert found.name == "log_loss" or found.estimate.high <= 1, found
