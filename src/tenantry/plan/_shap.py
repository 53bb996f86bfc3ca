"""What path-dependent TreeSHAP needs of a tree beyond its splits (Lundberg et al. 2020)."""

import numpy as np
import numpy.typing as npt

from tenantry.plan.ir import F32, F64, Tree
from tenantry.plan.layout import NO_EDGE

MIN_SHARE = 1e-6
"""Smallest share of training rows along an edge: one that no row took would otherwise divide by zero."""


def shares(tree: Tree) -> F64:
    """For every edge (2 × node + side) the share of the node's training weight that takes it; a half where there is
    none."""
    edges = np.empty(2 * len(tree.feature))
    for node, children in enumerate(zip(tree.left.tolist(), tree.right.tolist(), strict=True)):
        left, right = (float(tree.cover[c] if c >= 0 else tree.leaf_cover[~c]) for c in children)
        share = left / (left + right) if left + right > 0 else 0.5
        edges[2 * node] = min(max(share, MIN_SHARE), 1.0 - MIN_SHARE)
        edges[2 * node + 1] = 1.0 - edges[2 * node]
    return edges


def leaf_shares(tree: Tree) -> F64:
    """The share of the training weight that each leaf holds."""
    edges = shares(tree)
    inner, leaves = np.ones(len(tree.feature)), np.empty(len(tree.value))
    for node in range(len(tree.feature)):
        for side, child in enumerate((int(tree.left[node]), int(tree.right[node]))):
            (inner if child >= 0 else leaves)[child if child >= 0 else ~child] = (
                inner[node] * edges[2 * node + side]
            )
    return leaves


def path_ratios(tree: Tree) -> tuple[F32, npt.NDArray[np.uint8], int]:
    """For every edge the product of the shares along the edges of the same slot from the root down to it; for every
    node the last such edge of its slot above it (255: none); the most slots on any path.
    """
    n = len(tree.feature)
    ratios = shares(tree)
    ancestors = np.full(n, NO_EDGE, np.uint8)
    paths: list[dict[int, int]] = [{} for _ in range(n)]
    widest = 0
    for node in range(n):
        feature = int(tree.feature[node])
        above = paths[node].get(feature)
        if above is not None:
            ancestors[node] = above
            ratios[2 * node : 2 * node + 2] *= ratios[above]
        widest = max(widest, len(paths[node]) + (above is None))
        for side, child in enumerate((int(tree.left[node]), int(tree.right[node]))):
            if child >= 0:
                paths[child] = {**paths[node], feature: 2 * node + side}
    return ratios.astype(np.float32), ancestors, widest
