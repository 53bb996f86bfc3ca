import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from tenantry.automl.calibrate import MAX_SLOPE, ValueScale, apply, fit_calibration
from tenantry.evaluation.metrics import expected_calibration_error, row_log_loss
from tenantry.schema import Task

PLAIN = ValueScale()


def overconfident(rows, seed=0, shape=expit):
    rng = np.random.default_rng(seed)
    m = rng.normal(size=rows) * 3
    return (rng.random(rows) < shape(m / 3)).astype(np.int64), m[:, None]


@pytest.mark.parametrize("rows", [120, 5000])
def test_margins_become_probabilities_that_mean_what_they_say(rows):
    y, margins = overconfident(rows)
    p = apply(fit_calibration(Task.BINARY, y, margins, PLAIN), margins)[:, 1]
    before = row_log_loss(y, np.column_stack((1 - expit(margins[:, 0]), expit(margins[:, 0])))).mean()
    assert row_log_loss(y, np.column_stack((1 - p, p))).mean() < before
    assert expected_calibration_error(y, p) < (0.12 if rows < 1000 else 0.02)


def test_below_a_thousand_rows_it_is_platt_and_a_bend_needs_isotonic():
    assert fit_calibration(Task.BINARY, *overconfident(500), PLAIN).kind == "sigmoid"
    bent = overconfident(8000, shape=lambda z: np.where(z > 0, 0.9, 0.2))
    assert fit_calibration(Task.BINARY, *bent, PLAIN).kind == "isotonic"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_isotonic_rises_strictly_and_never_steeply(seed, scale):
    y, margins = overconfident(2000, seed, lambda z: np.where(z > 0, 0.95, 0.05))
    margins = np.round(margins * scale, 1)  # many ties
    found = fit_calibration(Task.BINARY, y, margins, PLAIN)
    if found.kind == "isotonic":
        assert (np.diff(found.x) > 0).all()
        assert (np.diff(found.y) > 0).all()
        assert (np.diff(found.y) / np.diff(found.x)).max() <= MAX_SLOPE * (1 + 1e-9)
        assert 0 < found.y[0] < found.y[-1] < 1


def test_several_classes_get_a_temperature():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 3000)
    margins = rng.normal(size=(3000, 4))
    margins[np.arange(3000), y] += 1.5
    found = fit_calibration(Task.MULTICLASS, y, margins * 5, PLAIN)
    assert found.kind == "softmax"
    assert found.a < 0.5
    p = apply(found, margins * 5)
    assert np.allclose(p.sum(axis=1), 1)


def test_values_come_back_on_their_own_scale_without_bias():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    y = np.exp(10 + 0.8 * (truth + rng.normal(size=4000) * 0.7))
    t = np.log(y)
    scale = ValueScale(float(t.mean()), float(t.std()), True, 0.0, float(y.max()) * 2)
    margins = ((10 + 0.8 * truth - scale.center) / scale.spread)[:, None]
    found = apply(fit_calibration(Task.REGRESSION, y, margins, scale), margins)
    assert found.mean() == pytest.approx(y.mean(), rel=0.12)
    assert np.exp(10 + 0.8 * truth).mean() < 0.9 * y.mean()  # which the factor has put right


def test_values_are_kept_near_what_was_seen():
    scale = ValueScale(10.0, 2.0, False, 0.0, 20.0)
    y = np.linspace(1, 19, 200)
    found = fit_calibration(Task.REGRESSION, y, scale.to_margin(y)[:, None], scale)
    assert apply(found, np.array([[1e9], [-1e9]])).tolist() == [20.0, 0.0]
