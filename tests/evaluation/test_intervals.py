import numpy as np
import pytest

from tenantry.evaluation import (
    auroc_estimate,
    bootstrap_estimate,
    classification_metrics,
    mean_estimate,
    metrics,
    regression_metrics,
    share_estimate,
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


def test_rows_that_several_models_scored_are_ranked_within_each_models_own():
    y, score = sample(np.random.default_rng(6), 1000)
    folds = np.arange(1000) % 5
    shifted = score + 3.0 * folds  # each model's scores stand at another height
    inside = auroc_estimate(y, shifted, folds)
    assert inside.value == pytest.approx(auroc_estimate(y, score).value, abs=0.01)
    assert inside.error == pytest.approx(auroc_estimate(y, score).error, rel=0.1)
    assert auroc_estimate(y, shifted).value < inside.value - 0.1


def test_a_fold_without_both_classes_is_passed_over():
    y = np.array([0, 0, 0, 1, 0, 1, 1])
    score = np.array([0.1, 0.2, 0.3, 0.9, 0.8, 0.7, 0.6])
    folds = np.array([0, 0, 0, 1, 1, 1, 1])
    assert auroc_estimate(y, score, folds).value == pytest.approx(1 / 3)
    apart = np.array([0, 0, 0, 1, 0, 1, 1])
    assert auroc_estimate(y, score, apart + 2 * (y == 0)).value == auroc_estimate(y, score).value


def test_an_area_near_one_has_an_interval_within_it():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        y = np.repeat([0, 1], 40)
        found = auroc_estimate(y, rng.normal(size=80) + 2.6 * y)
        assert found.high < 1.0 or found.value == 1.0
        inside += found.low <= 0.96700 <= found.high  # of two normal distributions 2.6 deviations apart
    assert 0.9 <= inside / 300 <= 0.99


@pytest.mark.parametrize(("rows", "share"), [(30, 0.05), (30, 0.5), (400, 0.98)])
def test_wilsons_interval_holds_a_share_as_often_as_it_says(rows, share):
    rng = np.random.default_rng(7)
    found = [share_estimate((rng.random(rows) < share).astype(float)) for _ in range(600)]
    assert np.mean([f.low <= share <= f.high for f in found]) >= 0.925
    assert all(0 <= f.low <= f.value <= f.high <= 1 for f in found)


def test_the_gain_on_guessing_is_paired_and_surer_than_the_figure():
    rng = np.random.default_rng(8)
    y, score = sample(rng, 3000)
    p = 1 / (1 + np.exp(-(score - 1.1)))
    by_name = {f.name: f for f in classification_metrics(y, np.column_stack((1 - p, p)))}
    for found in by_name.values():
        assert (found.gain is None) == (found.guessing is None)
        if found.gain is not None:
            better = found.estimate.value - found.guessing
            assert found.gain.value == pytest.approx(better if found.higher_is_better else -better)
            assert found.gain.low <= found.gain.value <= found.gain.high
    loss = by_name["log_loss"]
    assert loss.gain.low > 0
    assert loss.gain.high - loss.gain.low < loss.estimate.high - loss.estimate.low


def test_noise_gains_nothing_surely():
    surely = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 150)
        p = np.clip(0.5 + 0.1 * rng.normal(size=150), 0.05, 0.95)
        area, _, loss, *_ = classification_metrics(y, np.column_stack((1 - p, p)), repeats=5)
        surely += area.gain.low > 0 or loss.gain.low > 0
    assert surely <= 14  # 2.5 % each


def test_values_gain_on_the_mean_and_on_the_median():
    rng = np.random.default_rng(9)
    y = rng.exponential(size=500)
    found = {f.name: f for f in regression_metrics(y, y + 0.3 * rng.normal(size=500))}
    assert found["rmse"].guessing == pytest.approx(y.std())
    assert all(f.gain.low > 0 for f in found.values())
    idle = {f.name: f for f in regression_metrics(y, np.full(500, y.mean()))}
    assert idle["r2"].gain.value == pytest.approx(0.0)
    assert idle["mae"].gain.value < 0


def repeated(rng, entities=60, times=8):
    """Every entity has an outcome, and rows that all say nearly the same of it."""
    y = (rng.random(entities) < 0.4).astype(np.int64)
    score = rng.normal(size=entities) + y
    rows = np.repeat(np.arange(entities), times)
    return y[rows], score[rows] + 0.1 * rng.normal(size=len(rows)), rows


def test_rows_of_one_entity_count_as_what_they_are_worth():
    truth = 0.7602  # of two normal distributions one standard deviation apart
    held = {True: 0, False: 0}
    for seed in range(200):
        y, score, entity = repeated(np.random.default_rng(seed))
        for known in held:
            found = auroc_estimate(y, score, clusters=entity if known else None)
            held[known] += found.low <= truth <= found.high
    assert held[False] / 200 < 0.6
    assert 0.9 <= held[True] / 200 <= 0.99


def test_clusters_widen_every_interval_and_move_no_figure():
    y, score, entity = repeated(np.random.default_rng(1))
    p = 1 / (1 + np.exp(0.5 - score))
    two = np.column_stack((1 - p, p))
    for plain, clustered in (
        (classification_metrics(y, two), classification_metrics(y, two, clusters=entity)),
        (regression_metrics(score, score + y), regression_metrics(score, score + y, clusters=entity)),
    ):
        for one, other in zip(plain, clustered, strict=True):
            assert one.estimate.value == other.estimate.value
            width = one.estimate.high - one.estimate.low
            assert other.estimate.high - other.estimate.low > 1.3 * width, one.name


def test_clusters_of_one_row_change_nothing():
    y, score = sample(np.random.default_rng(2), 200)
    alone = np.arange(200)
    assert auroc_estimate(y, score, clusters=alone) == auroc_estimate(y, score)
    assert mean_estimate(score**2, alone).error == pytest.approx(mean_estimate(score**2).error)
    assert share_estimate(y.astype(float), alone).low == pytest.approx(
        share_estimate(y.astype(float)).low, abs=1e-3
    )
