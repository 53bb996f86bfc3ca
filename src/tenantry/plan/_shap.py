"""What path-dependent TreeSHAP needs of a tree beyond its splits (Lundberg et al. 2020)."""

import numpy as np
import numpy.typing as npt

from tenantry.plan.ir import F32, Tree
from tenantry.plan.layout import NO_EDGE

MIN_RATIO = 1e-6
"""Smallest share of training rows along an edge: a leaf that no row reached would otherwise divide by zero."""


def path_ratios(tree: Tree) -> tuple[F32, npt.NDArray[np.uint8], int]:
    """For every edge (2 × node + side) the product of the training shares along the edges of the same slot from the
    root down to it; for every node the last such edge of its slot above it (255: none); the most slots on any path.
    """
    n = len(tree.feature)
    ratios = np.zeros(2 * n, np.float32)
    ancestors = np.full(n, NO_EDGE, np.uint8)
    paths: list[dict[int, int]] = [{} for _ in range(n)]
    widest = 0
    for node in range(n):
        feature = int(tree.feature[node])
        ancestor = paths[node].get(feature)
        if ancestor is not None:
            ancestors[node] = ancestor
        total = float(tree.cover[node])
        for side, child in enumerate((int(tree.left[node]), int(tree.right[node]))):
            edge = 2 * node + side
            cover = float(tree.cover[child] if child >= 0 else tree.leaf_cover[~child])
            ratio = max(cover / total, MIN_RATIO) if total > 0 else 0.5
            ratios[edge] = ratio * (float(ratios[ancestor]) if ancestor is not None else 1.0)
            below = {**paths[node], feature: edge}
            widest = max(widest, len(below))
            if child >= 0:
                paths[child] = below
    return ratios, ancestors, widest
