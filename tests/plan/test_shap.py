"""Attributions against Shapley's own formula, and against LightGBM's TreeSHAP on a trained model."""

import itertools
import math
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from tests.plan.specs import Maker

from tenantry.plan import Plan, compile_plan, expected_margins
from tenantry.plan._shap import shares
from tenantry.plan.ir import Calibration, Derived, NumberColumn, PlanSpec, Tree
from tenantry.schema import Task


def numbers_plan(trees: list[Tree], columns: int, derived: tuple[Derived, ...] = ()) -> PlanSpec:
    return PlanSpec(
        task=Task.REGRESSION,
        n_outputs=1,
        n_slots=columns + len(derived),
        columns=tuple(NumberColumn(name=f"x{i}", slot=i) for i in range(columns)),
        derived=derived,
        trees=tuple(trees),
        linear=None,
        base=np.array([0.25]),
        forest_weight=1.0,
        linear_weight=0.0,
        calibration=Calibration(kind="linear", b=np.zeros(1)),
        meta={},
    )


def value_of_coalition(tree: Tree, x: np.ndarray[Any, Any], known: frozenset[int], node: int = 0) -> float:
    """What path-dependent TreeSHAP takes for the tree's value when only the slots in ``known`` are."""
    if node < 0:
        return float(tree.value[~node])
    slot = int(tree.feature[node])
    left, right = int(tree.left[node]), int(tree.right[node])
    if slot in known:
        go_left = bool(tree.default_left[node]) if math.isnan(x[slot]) else x[slot] <= tree.threshold[node]
        return value_of_coalition(tree, x, known, left if go_left else right)
    share = shares(tree)[2 * node]
    return float(
        share * value_of_coalition(tree, x, known, left)
        + (1 - share) * value_of_coalition(tree, x, known, right)
    )


def shapley(trees: list[Tree], x: np.ndarray[Any, Any]) -> list[float]:
    """Shapley's formula over all subsets of the slots."""
    n = len(x)
    values = []
    for slot in range(n):
        others = [other for other in range(n) if other != slot]
        total = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for some in itertools.combinations(others, size):
                for tree in trees:
                    total += weight * (
                        value_of_coalition(tree, x, frozenset((*some, slot)))
                        - value_of_coalition(tree, x, frozenset(some))
                    )
        values.append(total)
    return values


@pytest.mark.parametrize("seed", range(6))
def test_attributions_are_shapley_values(seed: int) -> None:
    maker = Maker(seed)
    maker.slots, maker.outputs = 5, 1
    trees = [maker.tree(n) for n in (1, 6, 15)]
    x = maker.rng.normal(size=5).astype(np.float32)
    x[seed % 5] = np.nan
    plan = Plan.from_bytes(compile_plan(numbers_plan(trees, 5)))
    record = {f"x{i}": None if np.isnan(value) else float(value) for i, value in enumerate(x)}
    np.testing.assert_allclose(plan.explain(record), shapley(trees, x), atol=2e-6)


def test_paths_of_up_to_sixteen_slots_are_exact() -> None:
    """A chain of 16 splits over 16 slots: the polynomial's degree is the highest that the quadrature takes."""
    rng = np.random.default_rng(0)
    n = 16
    tree = Tree(
        output=0,
        feature=np.arange(n, dtype=np.int32),
        threshold=np.zeros(n, np.float32),
        default_left=np.zeros(n, bool),
        left=np.array([*range(1, n), ~0], np.int32),
        right=np.array([~i for i in range(1, n + 1)], np.int32),
        value=rng.normal(size=n + 1).astype(np.float32),
        cover=2.0 ** np.arange(n, 0, -1),
        leaf_cover=2.0 ** np.array([0, *np.arange(n - 1, -1, -1)]),
    )
    x = np.where(rng.random(n) < 0.8, -1.0, 1.0).astype(np.float32)
    plan = Plan.from_bytes(compile_plan(numbers_plan([tree], n)))
    found = plan.explain({f"x{i}": float(value) for i, value in enumerate(x)})
    wanted = _chain_shapley(tree, x)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def _chain_shapley(tree: Tree, x: np.ndarray[Any, Any]) -> list[float]:
    """The chain's Shapley values by the closed form over leaves with a polynomial integrated exactly."""
    n = len(x)
    edges = shares(tree)
    values = np.zeros(n)
    for leaf in range(n + 1):
        depth = n if leaf == 0 else leaf
        path = [(i, 0 if leaf == 0 or i < depth - 1 else 1) for i in range(depth)]
        o = [float((x[i] <= 0) == (side == 0)) for i, side in path]
        z = [float(edges[2 * i + side]) for i, side in path]
        for j in range(depth):
            product = np.polynomial.Polynomial([1.0])
            for i in range(depth):
                if i != j:
                    product *= np.polynomial.Polynomial([z[i], o[i] - z[i]])
            values[j] += tree.value[leaf] * (o[j] - z[j]) * (product.integ()(1.0) - product.integ()(0.0))
    return list(values)


def test_a_difference_is_shared_by_its_two_columns() -> None:
    tree = Tree(
        output=0,
        feature=np.array([2], np.int32),
        threshold=np.zeros(1, np.float32),
        default_left=np.zeros(1, bool),
        left=np.array([~0], np.int32),
        right=np.array([~1], np.int32),
        value=np.array([1.0, 3.0], np.float32),
        cover=np.array([4.0]),
        leaf_cover=np.array([3.0, 1.0]),
    )
    spec = numbers_plan([tree], 2, (Derived(slot=2, left=0, right=1),))
    plan = Plan.from_bytes(compile_plan(spec))
    assert expected_margins(spec) == (0.25 + 1.5,)
    assert plan.explain({"x0": 5, "x1": 1}) == pytest.approx((0.75, 0.75))
    assert plan.margins({"x0": 5, "x1": 1}) == (3.25,)


def trees_of(booster: lgb.Booster) -> list[Tree]:
    """LightGBM's trees with thresholds rounded down to float32, which parts float32 features alike."""
    trees = []
    for info in booster.dump_model()["tree_info"]:
        nodes: list[Any] = []
        leaves: list[Any] = []

        def walk(node: Any, nodes: list[Any] = nodes, leaves: list[Any] = leaves) -> int:
            if "leaf_value" in node:
                leaves.append(node)
                return ~(len(leaves) - 1)
            at = len(nodes)
            nodes.append([node, 0, 0])
            nodes[at][1] = walk(node["left_child"])
            nodes[at][2] = walk(node["right_child"])
            return at

        walk(info["tree_structure"])
        exact = np.array([node["threshold"] for node, *_ in nodes])
        with np.errstate(over="ignore"):
            threshold = exact.astype(np.float32)
        trees.append(
            Tree(
                output=0,
                feature=np.array([node["split_feature"] for node, *_ in nodes], np.int32),
                threshold=np.where(
                    threshold > exact, np.nextafter(threshold, np.float32(-np.inf)), threshold
                ),
                default_left=np.array([node["default_left"] for node, *_ in nodes]),
                left=np.array([left for _, left, _ in nodes], np.int32),
                right=np.array([right for *_, right in nodes], np.int32),
                value=np.array([leaf["leaf_value"] for leaf in leaves], np.float32),
                cover=np.array([node["internal_count"] for node, *_ in nodes], np.float64),
                leaf_cover=np.array([leaf["leaf_count"] for leaf in leaves], np.float64),
            )
        )
    return trees


def test_a_trained_forest_scores_and_explains_as_lightgbm_does() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(1500, 10)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = (
        np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1])
        + np.isnan(x[:, 2])
        + rng.normal(scale=0.1, size=len(x))
    )
    settings = {
        "objective": "regression",
        "num_leaves": 31,
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
    }
    booster = lgb.train(settings, lgb.Dataset(x, y), 40)
    spec = numbers_plan(trees_of(booster), 10)
    plan = Plan.from_bytes(compile_plan(spec))
    rows = x[:60]
    records = [{f"x{i}": float(value) for i, value in enumerate(row)} for row in rows]
    margins = np.array([plan.margins(record)[0] for record in records]) - 0.25
    np.testing.assert_allclose(margins, booster.predict(rows, raw_score=True), atol=1e-6)
    theirs = np.asarray(booster.predict(rows, pred_contrib=True))
    np.testing.assert_allclose([plan.explain(record) for record in records], theirs[:, :-1], atol=1e-5)
    assert expected_margins(spec)[0] - 0.25 == pytest.approx(theirs[0, -1], abs=1e-5)
