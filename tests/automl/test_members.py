import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import Ridge

from tenantry.automl.budget import Budget
from tenantry.automl.encoders import build_space
from tenantry.automl.losses import row_losses
from tenantry.automl.members import (
    ForestBins,
    ForestParams,
    Objective,
    build_design,
    fit_forest,
    fit_linear,
    solvers,
)
from tenantry.automl.members.trees import read_trees
from tenantry.automl.typing import distinct_values, type_column
from tenantry.schema import Task

BINARY = Objective(Task.BINARY, 2)


def typed(values, name):
    return type_column(name, distinct_values(pa.array(values)))


def walk(tree, row):
    node = 0
    while node >= 0:
        x = row[tree.feature[node]]
        left = tree.default_left[node] if np.isnan(x) else x <= tree.threshold[node]
        node = int(tree.left[node] if left else tree.right[node])
    return tree.value[~node]


@pytest.mark.parametrize("missing_in_training", [False, True])
def test_trees_read_from_the_booster_score_as_it_does(missing_in_training):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 5)).astype(np.float32)
    if missing_in_training:
        x[rng.random(x.shape) < 0.2] = np.nan
    y = (np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) > 0).astype(int)
    forest = fit_forest(
        ForestBins(x, y, BINARY), ForestParams(), rounds=20, seed=0, deadline=Budget(60).deadline(60)
    )
    forest.weigh(1.0)
    test = rng.normal(size=(200, 5)).astype(np.float32)
    test[rng.random(test.shape) < 0.2] = np.nan
    test[0], test[1], test[2] = np.inf, -np.inf, 3.4e38
    trees = read_trees(forest.booster)
    assert all((t.value == t.value.astype(np.float32)).all() for t in trees)
    by_hand = [sum(walk(t, row) for t in trees) + forest.prior[0] for row in test]
    assert np.allclose(forest.margins(test)[:, 0], by_hand, atol=1e-12)


def test_no_path_is_deeper_than_the_plan_allows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 30)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(int)
    forest = fit_forest(
        ForestBins(x, y, BINARY), ForestParams(), rounds=10, seed=0, deadline=Budget(60).deadline(60)
    )

    def depth(tree, node=0):
        if node < 0:
            return 0
        return 1 + max(depth(tree, int(tree.left[node])), depth(tree, int(tree.right[node])))

    assert max(depth(tree) for tree in read_trees(forest.booster)) <= 16


def test_a_forest_stops_at_its_deadline_with_what_it_has():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 20)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    forest = fit_forest(
        ForestBins(x, y, BINARY), ForestParams(), rounds=5000, seed=0, deadline=Budget(0.0).deadline(0.0)
    )
    assert forest.rounds == 1


def test_the_same_seed_gives_the_same_forest():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(500, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    texts = [
        fit_forest(
            ForestBins(x, y, BINARY), ForestParams(), rounds=10, seed=4, deadline=Budget(60).deadline(60)
        ).booster.model_to_string()
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


def linear_setup(rows=600):
    rng = np.random.default_rng(4)
    x = rng.normal(size=rows)
    words = rng.integers(0, 3, rows)
    texts = [None if i % 10 == 0 else f"{v:.4f}" for i, v in enumerate(x)]
    columns = (typed(texts, "x"), typed([["a", "b", "c"][w] for w in words], "w"))
    y = (rng.random(rows) < 1 / (1 + np.exp(-(np.abs(x) * 2 - 1.5 + (words == 1))))).astype(int)
    space = build_space(columns, 1, classes=True)
    design = build_design(space)
    encoded = space.fit(np.arange(rows), y[:, None].astype(float), 0)
    own = design.matrix(space.train_dense(encoded), encoded, np.arange(rows), own=True)
    return space, design, encoded, own, y


def test_the_linear_member_learns_a_bend_and_missing_values():
    *_, own, y = linear_setup()
    fit = fit_linear(own, y, BINARY, 1.0)
    loss = row_losses(Task.BINARY, y, fit.margins(own)).mean()
    assert (
        loss
        < 0.9 * row_losses(Task.BINARY, y, np.full((len(y), 1), np.log(y.mean() / (1 - y.mean())))).mean()
    )
    space, design, *_ = linear_setup()
    marks = design.terms.values(space.fixed[:, :1].repeat(len(space.slots), axis=1))
    assert set(np.unique(marks[:, 1].round(6))) == {0.0, 1.0}  # the missing mark of x


def test_terms_never_leave_their_clip():
    space, design, encoded, *_ = linear_setup()
    dense = space.dense(encoded, np.arange(10))
    dense[0], dense[1], dense[2] = 3e38, -3e38, np.nan
    assert np.abs(design.terms.values(dense)).max() <= 8.0


@pytest.mark.parametrize("shape", [(200, 7), (40, 90)])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("way", ["_by_columns", "_by_rows", "_by_iteration"])
def test_each_way_to_ridge_gives_the_textbooks_weights(monkeypatch, shape, packed, way):
    rng = np.random.default_rng(5)
    x = rng.normal(size=shape) + 1.5
    y = x[:, :5].sum(axis=1) + rng.normal(size=shape[0])
    theirs = Ridge(2.0).fit(x, y)
    chosen = getattr(solvers, way)
    passes = (150,) if way == "_by_iteration" else ()
    for other in ("_by_columns", "_by_rows", "_by_iteration"):
        monkeypatch.setattr(solvers, other, lambda *given: chosen(*given[:4], *passes))
    weights, intercept = solvers.ridge(sparse.csr_matrix(x) if packed else x, y, 0.5, 150)
    assert np.allclose(weights[:, 0], theirs.coef_, atol=1e-3)
    assert intercept[0] == pytest.approx(theirs.intercept_, abs=1e-2)


def test_passes_follow_the_seconds_that_there_are():
    x = np.zeros((1000, 100))
    assert solvers.passes_for(x, 1, float("inf")) == solvers.MOST_PASSES
    assert solvers.passes_for(x, 1, 0.0) == solvers.FEWEST_PASSES
    assert solvers.FEWEST_PASSES < solvers.passes_for(x, 1, 0.02) < solvers.MOST_PASSES


@pytest.mark.parametrize("present", [[0, 2], [0, 1], [1]])
def test_a_class_that_a_fold_lacks_is_all_but_ruled_out(present):
    rng = np.random.default_rng(8)
    y = rng.choice(present, 90)
    x = rng.normal(size=(90, 3)) + y[:, None]
    fit = fit_linear(x, y, Objective(Task.MULTICLASS, 3), 1.0)
    p = softmax(fit.margins(x), axis=1)
    absent = sorted({0, 1, 2} - set(present))
    assert p[:, absent].mean() < 0.02
    assert (p.argmax(axis=1) == y).mean() > 0.5


def test_a_fold_with_one_outcome_only_says_so():
    fit = fit_linear(np.zeros((20, 2)), np.ones(20, dtype=int), BINARY, 1.0)
    assert fit.margins(np.zeros((1, 2)))[0, 0] == 6.0
