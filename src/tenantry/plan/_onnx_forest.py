"""The forest as one ONNX node, exact although the operator answers in float32.

``TreeEnsembleRegressor`` (ai.onnx.ml 3) compares and sums in float64 but rounds its sums to float32, which a
steep calibration would show. Its successor ``TreeEnsemble`` (ai.onnx.ml 5) does not round, but onnxruntime before
1.24 sums the wrong leaves of more than one tree. So each leaf is split into a multiple of a step at which every
possible sum is exact in float32, and a small rest; both are summed by the older operator and added in float64.
"""

from typing import Any

import numpy as np

from tenantry.plan._onnx_columns import Encoded
from tenantry.plan._onnx_graph import Graph
from tenantry.plan.ir import Tree

LISTS = (
    "treeids",
    "nodeids",
    "featureids",
    "modes",
    "values",
    "truenodeids",
    "falsenodeids",
    "missing_value_tracks_true",
)
"""The operator's parallel lists, one entry a node; a leaf is a node too."""


def forest(graph: Graph, trees: tuple[Tree, ...], outputs: int, matrix: str, encoded: Encoded) -> str:
    """[N, outputs] float64 sums of the trees' leaves over the slot ``matrix``."""
    nodes: dict[str, list[Any]] = {name: [] for name in LISTS}
    targets: dict[str, list[int]] = {"treeids": [], "nodeids": [], "ids": []}
    weights: list[float] = []
    step = exact_step(trees)
    for number, tree in enumerate(trees):
        _append_nodes(nodes, number, tree, encoded)
        for leaf, value in enumerate(tree.value.astype(np.float64).tolist()):
            coarse = round(value / step) * step
            targets["treeids"] += [number, number]
            targets["nodeids"] += [tree.feature.size + leaf] * 2
            targets["ids"] += [tree.output, outputs + tree.output]
            weights += [coarse, value - coarse]
    thresholds = graph.array(np.array(nodes.pop("values"), dtype=np.float64))
    lists: dict[str, Any] = {f"nodes_{name}": found for name, found in nodes.items()}
    lists |= {f"target_{name}": found for name, found in targets.items()}
    sums = graph.add(
        "TreeEnsembleRegressor",
        graph.cast(matrix, np.float64),
        domain="ai.onnx.ml",
        n_targets=2 * outputs,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_values_as_tensor=thresholds,
        target_weights_as_tensor=graph.array(np.array(weights, dtype=np.float64)),
        **lists,
    )
    sums = graph.cast(sums, np.float64)
    coarse_sums, rests = (
        graph.add("Gather", sums, graph.ints(np.arange(first, first + outputs)), axis=1)
        for first in (0, outputs)
    )
    return graph.add("Add", coarse_sums, rests)


def _append_nodes(nodes: dict[str, list[Any]], number: int, tree: Tree, encoded: Encoded) -> None:
    """Splits keep their numbers; leaf i becomes node n + i."""
    n, m = tree.feature.size, tree.value.size
    left, right = (np.where(side < 0, n + ~side, side).tolist() for side in (tree.left, tree.right))
    nothing = [0] * m
    nodes["treeids"] += [number] * (n + m)
    nodes["nodeids"] += range(n + m)
    nodes["featureids"] += [encoded.position[int(slot)] for slot in tree.feature] + nothing
    nodes["modes"] += ["BRANCH_LEQ"] * n + ["LEAF"] * m
    nodes["values"] += tree.threshold.tolist() + nothing
    nodes["truenodeids"] += left + nothing
    nodes["falsenodeids"] += right + nothing
    nodes["missing_value_tracks_true"] += tree.default_left.astype(int).tolist() + nothing


def exact_step(trees: tuple[Tree, ...]) -> float:
    """A power of two: sums of leaves rounded to its multiples, one leaf a tree, are exact in float32."""
    largest = sum(float(np.abs(tree.value).max()) for tree in trees)
    return float(2.0 ** (np.ceil(np.log2(largest)) - 22)) if largest > 0 else 1.0
