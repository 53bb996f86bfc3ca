import numpy as np
import pytest

from tenantry.evaluation import auroc_estimate, compare_classes, compare_values, metrics


def two(p):
    return np.column_stack((1 - p, p))


def sample(seed, rows=600, noise=0.6):
    """Outcomes, and two equally good sets of probabilities that mostly agree."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-common))).astype(np.int64)
    ours, theirs = (1 / (1 + np.exp(-common - noise * rng.normal(size=rows))) for _ in range(2))
    return y, two(ours), two(theirs)


@pytest.mark.parametrize("metric", ["auroc", "average_precision", "log_loss", "brier", "accuracy", "f1"])
def test_equal_models_are_told_apart_about_as_often_as_chance_says(metric):
    told = 0
    for seed in range(120):
        gain = compare_classes(metric, *sample(seed, rows=300)).gain
        told += not gain.low <= 0 <= gain.high
    assert told <= 14  # 5 % of 120 is 6


def test_a_pair_tells_what_two_intervals_cannot():
    y, ours, _ = sample(0, rows=2000, noise=0.1)
    worse = ours[:, 1] * 0.8 + 0.2 * np.random.default_rng(1).random(2000)
    found = compare_classes("auroc", y, ours, two(worse))
    assert found.gain.low > 0
    assert found.ours == pytest.approx(metrics.auroc(y, ours[:, 1]))
    assert auroc_estimate(y, ours[:, 1]).low < auroc_estimate(y, worse).high


def test_a_lower_loss_is_a_gain():
    y, ours, _ = sample(3)
    found = compare_classes("log_loss", y, ours, two(np.full(600, y.mean())))
    assert found.ours < found.theirs
    assert found.gain.value == pytest.approx(found.theirs - found.ours)


def test_thresholds_decide_what_f1_and_accuracy_compare():
    y, ours, _ = sample(4)
    same = compare_classes("f1", y, ours, ours, (0.3, 0.3))
    assert same.gain.value == 0
    assert compare_classes("f1", y, ours, ours, (0.3, 0.9)).gain.value > 0


def test_several_classes_by_macro_figures():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 400)
    good = np.eye(3)[y] * 0.4 + 0.2
    good += 0.2 * rng.random(good.shape)
    good /= good.sum(axis=1, keepdims=True)
    for metric in ("macro_auroc", "macro_f1", "log_loss", "accuracy"):
        assert compare_classes(metric, y, good, rng.dirichlet(np.ones(3), 400)).gain.low > 0, metric


@pytest.mark.parametrize("metric", ["r2", "rmse", "mae"])
def test_values_closer_to_the_truth_gain(metric):
    rng = np.random.default_rng(6)
    y = rng.normal(size=500)
    near, far = y + 0.3 * rng.normal(size=500), y + 0.6 * rng.normal(size=500)
    assert compare_values(metric, y, near, far).gain.low > 0
    assert compare_values(metric, y, far, near).gain.high < 0
