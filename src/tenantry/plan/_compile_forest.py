"""The trees of a plan's specification → their records."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tenantry.plan import layout
from tenantry.plan._checks import check_tree, refuse
from tenantry.plan._shap import path_ratios
from tenantry.plan.ir import MAX_PATH_FEATURES, PlanSpec
from tenantry.plan.layout import Section

Array = npt.NDArray[Any]


def forest_sections(spec: PlanSpec) -> dict[Section, Array]:
    """The trees with their nodes and leaves, and what explanations need of them."""
    trees = np.zeros(len(spec.trees), layout.TREE)
    nodes, leaves, ratios, ancestors = [], [], [], []
    node = leaf = 0
    for i, tree in enumerate(spec.trees):
        check_tree(tree, spec, f"tree {i}")
        n = len(tree.feature)
        ratio, ancestor, widest = path_ratios(tree)
        if widest > MAX_PATH_FEATURES:
            refuse(f"tree {i} has {widest} slots on one path (at most {MAX_PATH_FEATURES})")
        trees[i] = (node, leaf, n, tree.output, 4 if widest <= 8 else 8, 0)
        block = np.zeros(n, layout.NODE)
        block["threshold"] = tree.threshold
        block["slot2"] = 2 * tree.feature + tree.default_left
        children = np.stack([tree.left, tree.right], axis=1)
        block["child"] = np.where(children < 0, layout.LEAF + ~children, children)
        nodes.append(block)
        leaves.append(tree.value)
        ratios.append(ratio)
        ancestors.append(ancestor)
        node, leaf = node + n, leaf + n + 1
    nodes.append(np.zeros(layout.SPARE_NODES, layout.NODE))
    return {
        Section.TREES: trees,
        Section.NODES: np.concatenate(nodes),
        Section.LEAVES: np.concatenate([np.zeros(0, np.float32), *leaves]).astype("<f4"),
        Section.RATIOS: np.concatenate([np.zeros(0, np.float32), *ratios]).astype("<f4"),
        Section.ANCESTORS: np.concatenate([np.zeros(0, np.uint8), *ancestors]).astype("u1"),
    }
