import numpy as np
import pytest

from tenantry.evaluation import (
    auroc_estimate,
    bootstrap_estimate,
    classification_metrics,
    mean_estimate,
    metrics,
    regression_metrics,
)


def sample(rng, n):
    y = (rng.random(n) < 0.3).astype(np.int64)
    return y, rng.normal(size=n) + y


def test_delongs_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth = 0.7602  # of two normal distributions one standard deviation apart
    inside = 0
    for _ in range(300):
        found = auroc_estimate(*sample(rng, 200))
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / 300 <= 0.99


def test_delong_and_bootstrap_agree_on_the_error():
    y, score = sample(np.random.default_rng(2), 800)
    by_formula = auroc_estimate(y, score)
    by_draws = bootstrap_estimate(
        by_formula.value, lambda w: metrics.auroc(y, score, w), len(y), seed=0, repeats=400
    )
    assert by_formula.value == pytest.approx(metrics.auroc(y, score))
    assert by_draws.error == pytest.approx(by_formula.error, rel=0.2)


def test_macro_auroc_is_the_mean_over_classes():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, 300)
    p = rng.dirichlet(np.ones(4), 300)
    p[np.arange(300), y] += 0.5
    found = auroc_estimate(y, p)
    assert found.value == pytest.approx(metrics.macro_auroc(y, p))
    assert found.low < found.value < found.high


def test_an_absent_class_does_not_count():
    y = np.array([0, 1] * 20)
    p = np.column_stack((1 - y * 0.8, y * 0.8, np.zeros(40)))
    assert auroc_estimate(y, p).value == 1.0


def test_the_mean_of_a_constant_is_sure():
    found = mean_estimate(np.full(10, 2.0))
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)


def test_every_figure_lies_in_its_interval_and_names_what_guessing_gets():
    rng = np.random.default_rng(4)
    y, score = sample(rng, 400)
    p = 1 / (1 + np.exp(-score))
    binary = classification_metrics(y, np.column_stack((1 - p, p)), 0.5)
    many = rng.integers(0, 3, 300)
    multi = classification_metrics(many, rng.dirichlet(np.ones(3), 300))
    values = regression_metrics(score, score + rng.normal(size=400))
    for found in (*binary, *multi, *values):
        assert found.estimate.low <= found.estimate.value <= found.estimate.high, found
        assert (found.guessing is None) == (found.name in ("recall", "calibration_error"))
        assert found.guessing is None or np.isfinite(found.guessing)
    assert {f.name for f in binary} >= {
        "auroc",
        "average_precision",
        "log_loss",
        "brier",
        "calibration_error",
    }
    by_name = {f.name: f for f in binary}
    assert by_name["auroc"].guessing == 0.5
    assert by_name["average_precision"].guessing == pytest.approx(y.mean())
    assert not by_name["log_loss"].higher_is_better


def test_figures_are_the_same_for_a_seed():
    y, score = sample(np.random.default_rng(5), 300)
    p = np.column_stack((1 - (score > 0) * 0.5, (score > 0) * 0.5))
    assert classification_metrics(y, p, seed=7) == classification_metrics(y, p, seed=7)
