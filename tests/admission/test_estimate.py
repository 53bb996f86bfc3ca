"""What a request costs, learnt from measurements."""

import random

import pytest

from tenantry.admission.estimate import Estimate


def test_before_the_first_measurement_the_typical_cost_is_said():
    assert Estimate(0.002).of(0) == 0.002
    assert Estimate(0.002).of(50) == 0.002


def test_the_price_of_a_request_and_of_a_row_are_told_apart():
    rng = random.Random(1)
    estimate = Estimate(0.001)
    for _ in range(400):
        rows = rng.choice([1, 1, 1, 10, 100, 300])
        estimate.learn((50e-6 + 8e-6 * rows) * rng.uniform(0.9, 1.1), rows)
    assert estimate.of(1) == pytest.approx(58e-6, rel=0.5)
    assert estimate.of(300) == pytest.approx(2450e-6, rel=0.1)
    assert estimate.slope == pytest.approx(8e-6, rel=0.1)


def test_rows_that_never_vary_teach_no_price_of_a_row():
    estimate = Estimate(0.001)
    for _ in range(50):
        estimate.learn(0.003, 20)
    assert estimate.of(20) == pytest.approx(0.003)
    assert estimate.of(0) == pytest.approx(0.003)
    assert estimate.slope == 0.0


def test_one_pause_changes_little_and_a_lasting_change_is_learnt():
    estimate = Estimate(0.001)
    for _ in range(100):
        estimate.learn(0.001, 1)
    estimate.learn(3.0, 1)
    assert estimate.of(1) < 0.00125
    for _ in range(200):
        estimate.learn(0.010, 1)
    assert estimate.of(1) == pytest.approx(0.010, rel=0.05)


def test_a_first_measurement_off_by_far_is_forgotten():
    estimate = Estimate(0.001)
    estimate.learn(2.0, 1)
    for _ in range(200):
        estimate.learn(0.0005, 1)
    assert estimate.of(1) < 0.005


def test_the_spread_is_the_mean_error():
    rng = random.Random(2)
    estimate = Estimate(0.001)
    for _ in range(1000):
        estimate.learn(rng.choice([0.001, 0.003]), 1)
    assert estimate.spread == pytest.approx(0.001, rel=0.2)
    assert estimate.of(1) == pytest.approx(0.002, rel=0.3)


def test_no_measurement_makes_a_request_free():
    estimate = Estimate(0.001)
    for _ in range(50):
        estimate.learn(0.0, 0)
    assert estimate.of(0) > 0
    assert estimate.of(1) > 0


def test_measurements_that_surprise_nobody_count_for_as_much_as_one_by_one():
    estimate, mean = Estimate(0.001), 0.001
    for number in range(400):
        seconds = 0.001 + number * 2e-6  # a drift, of which every step is small
        estimate.learn(seconds, 1)
        mean += (seconds - mean) / 32
    assert estimate.of(0) == pytest.approx(mean, rel=0.01)
    assert estimate.of(1) == pytest.approx(mean, rel=0.01)
    estimate.learn(0.1, 1)  # what is out of the ordinary is learnt at once, after what was put aside
    assert estimate.of(0) > mean + 0.0001
