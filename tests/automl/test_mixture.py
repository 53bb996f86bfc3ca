import numpy as np
import pytest

from tenantry.automl.blend import LINEAR, MOST_MEMBERS, find_blend
from tenantry.automl.calibrate import ValueScale
from tenantry.automl.losses import Judge, row_losses
from tenantry.automl.members import Objective
from tenantry.automl.mixture import Mixture
from tenantry.automl.problem import read_problem
from tenantry.automl.target import Target
from tenantry.evaluation.metrics import row_log_loss
from tenantry.schema import Task


def noisy(y, rng, spread):
    return (2.0 * y - 1)[:, None] + rng.normal(size=(len(y), 1)) * spread


def binary_losses(y):
    return lambda margins: row_losses(Task.BINARY, y, margins)


def test_a_blend_is_no_worse_than_any_member():
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 1000)
    members = {"forest": noisy(y, rng, 2), LINEAR: noisy(y, rng, 2)}
    found = find_blend(binary_losses(y), members)
    assert 0.2 < found.weights["forest"] < 0.8
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.losses["blend"] <= min(found.losses["forest"], found.losses[LINEAR])
    assert np.allclose(found(members), sum(w * members[name] for name, w in found.weights.items()))


def test_a_forest_that_adds_nothing_is_left_out():
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, 1000)
    linear = noisy(y, rng, 1)
    found = find_blend(binary_losses(y), {"forest": linear + rng.normal(size=(1000, 1)), LINEAR: linear})
    assert found.weights == {LINEAR: 1.0}
    assert np.array_equal(found({LINEAR: linear}), linear)


def test_no_more_than_three_members_are_blended():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, 3000)
    members = {f"forest {i}": noisy(y, rng, 3) for i in range(6)}
    assert len(find_blend(binary_losses(y), members).weights) == MOST_MEMBERS


def test_values_on_a_logarithm_are_judged_in_their_own_unit():
    rng = np.random.default_rng(9)
    values = np.exp(rng.normal(size=500))
    scale = ValueScale(0.0, 1.0, True, 0.0, 1e6)
    judge = Judge(Task.REGRESSION, scale.to_margin(values), values, scale)
    rows = np.arange(500)
    exact, constant = judge(scale.to_margin(values)[:, None], rows), judge(np.zeros((500, 1)), rows)
    assert exact.max() < 1e-9
    assert constant.mean() == pytest.approx(
        1, abs=0.05
    )  # as much as guessing the mean: the calibration finds it


def test_cross_fitting_never_sees_the_rows_that_it_judges():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 600)
    target = Target(Task.BINARY, np.arange(600), y, ("no", "yes"), "yes")
    problem = read_problem(target, Objective(Task.BINARY, 2))
    noise = {f"forest {i}": rng.normal(size=(600, 1)) for i in range(20)}
    predicted = Mixture(problem, np.arange(600), noise).cross_fitted(np.arange(600) % 5)
    # Whatever is picked of noise is worth nothing on the rows that did not pick it.
    assert row_log_loss(y, predicted).mean() >= np.log(2) - 0.005
