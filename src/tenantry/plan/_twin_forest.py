"""The trees of a plan file, read by NumPy: the leaves of records, and their Shapley values leaf by leaf."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenantry.plan.ir import F32, F64
from tenantry.plan.layout import LEAF, NO_EDGE, Section

Array = npt.NDArray[Any]

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_POINTS, _WEIGHTS = (_POINTS + 1.0) / 2.0, _WEIGHTS / 2.0


class Tree(NamedTuple):
    output: int
    slot: Array
    default_left: Array
    threshold: Array
    child: Array
    value: F64
    ratio: F64
    ancestor: Array


def read_tree(record: Any, sections: Mapping[Section, Array]) -> Tree:
    at, n, leaf = int(record["node"]), int(record["n_nodes"]), int(record["leaf"])
    nodes = sections[Section.NODES][at : at + n]
    return Tree(
        output=int(record["output"]),
        slot=(nodes["slot2"] >> 1).astype(np.int64),
        default_left=(nodes["slot2"] & 1).astype(bool),
        threshold=nodes["threshold"],
        child=nodes["child"].astype(np.int64),
        value=sections[Section.LEAVES][leaf : leaf + n + 1].astype(np.float64),
        ratio=sections[Section.RATIOS][2 * at : 2 * (at + n)].astype(np.float64),
        ancestor=sections[Section.ANCESTORS][at : at + n].astype(np.int64),
    )


def _left(tree: Tree, node: Any, x: Array) -> Array:
    """Whether values go left at nodes: missing ones where the node says so, and its threshold is a number at all."""
    threshold = tree.threshold[node]
    missing = tree.default_left[node] & ~np.isnan(threshold)
    return np.asarray(np.where(np.isnan(x), missing, x <= threshold))


def leaves_of(tree: Tree, x: F32) -> Array:
    """The leaf of every row."""
    rows = np.arange(len(x))
    at = np.zeros(len(x), np.int64)
    while (inner := at < LEAF).any():
        node = at[inner]
        left = _left(tree, node, x[rows[inner], tree.slot[node]])
        at[inner] = tree.child[node, np.where(left, 0, 1)]
    return at - LEAF


def tree_shap(tree: Tree, x: F32) -> F64:
    """Shapley values of one tree, (n, slots), leaf by leaf: the sum over the leaves of
    ``w (o_j - z_j) ∫ Π_{i≠j} ((1 - t) z_i + t o_i) dt`` by Gauss–Legendre with 8 points (exact up to 16 slots)."""
    n = len(x)
    values = np.zeros((n, x.shape[1]))
    goes = np.zeros((2 * len(tree.slot) + 1, n))
    for node, slot in enumerate(tree.slot):
        left = _left(tree, node, x[:, slot])
        before = goes[tree.ancestor[node]] if tree.ancestor[node] != NO_EDGE else 1.0
        goes[2 * node], goes[2 * node + 1] = left * before, ~left * before
    for leaf, path in _paths(tree):
        slots, edges = list(path), list(path.values())
        o, z = goes[edges], tree.ratio[edges]
        factor = (1.0 - _POINTS) * z[:, None, None] + _POINTS * o[
            :, :, None
        ]  # slots on the path × rows × points
        others = factor.prod(axis=0) / factor
        values[:, slots] += tree.value[leaf] * ((o - z[:, None]) * (others @ _WEIGHTS)).T
    return values


def _paths(tree: Tree) -> Iterator[tuple[int, dict[int, int]]]:
    """Every leaf with its path: slot → the last edge of that slot."""
    stack: list[tuple[int, dict[int, int]]] = [(0, {})]
    while stack:
        at, path = stack.pop()
        if at >= LEAF:
            yield at - LEAF, path
            continue
        for side in (0, 1):
            stack.append((int(tree.child[at, side]), {**path, int(tree.slot[at]): 2 * at + side}))
