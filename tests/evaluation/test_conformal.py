import numpy as np
import pytest

from tenantry.evaluation import conformal


def values(rows, seed=0):
    """Errors that grow with the value and have a long upper tail."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(1, 10, rows)
    return predicted + predicted * (rng.exponential(1.0, rows) - 1.0) * 0.2, predicted


def test_bands_hold_new_rows_as_often_as_they_say_wherever_the_prediction_lies():
    bands = conformal.fit_bands(*values(4000))
    y, predicted = values(20_000, seed=1)
    low, high = bands.interval(predicted)
    inside = (low <= y) & (y <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.015)
    for part in (predicted < 3, predicted > 8):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.05)


def test_few_rows_get_one_band_that_does_not_cover_too_little():
    held = []
    for seed in range(200):
        bands = conformal.fit_bands(*values(60, seed))
        assert len(bands.edges) == 0
        y, predicted = values(500, seed + 1000)
        low, high = bands.interval(predicted)
        held.append(((low <= y) & (y <= high)).mean())
    assert 0.88 <= np.mean(held) <= 0.95


def test_coverage_is_measured_on_folds_that_did_not_make_the_bands():
    y, predicted = values(2000)
    found = conformal.coverage(y, predicted, np.arange(2000) % 5)
    assert found.low <= 0.9 <= found.high
    assert found.high - found.low < 0.03


def test_equal_predictions_have_an_interval_too():
    y = np.arange(500.0)
    bands = conformal.fit_bands(y, np.full(500, 250.0))
    low, high = bands.interval(np.array([250.0, 1e9, -1e9]))
    assert np.isfinite(low).all()
    assert (low < high).all()
    assert (low[0], high[0]) == (pytest.approx(24.5, abs=1.5), pytest.approx(475.5, abs=1.5))
