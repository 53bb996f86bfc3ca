"""What a specification must keep to, said in words for people before any byte is written."""

from typing import NoReturn

import numpy as np

from tenantry.errors import Unsupported
from tenantry.plan import layout
from tenantry.plan.ir import MAX_SLOTS, MAX_TREE_LEAVES, Calibration, Linear, PlanSpec, Tree
from tenantry.plan.layout import NO_ROW


def refuse(what: str) -> NoReturn:
    """Raise ``Unsupported`` (plan_limit)."""
    raise Unsupported("plan_limit", what)


def check_shape(spec: PlanSpec) -> None:
    """Counts, names, base margins, and that task, outputs and calibration fit one another."""
    kind, k = spec.calibration.kind, spec.n_outputs
    if not 1 <= k <= layout.MAX_OUTPUTS:
        refuse(f"the plan has {k} outputs (at most {layout.MAX_OUTPUTS})")
    if not 0 <= spec.n_slots <= MAX_SLOTS:
        refuse(f"the plan has {spec.n_slots} slots (at most {MAX_SLOTS})")
    if len(spec.columns) >= NO_ROW:
        refuse(f"the plan has {len(spec.columns)} columns")
    for column, number, before in zip(spec.columns[1:], spec.input_of[1:], spec.input_of, strict=False):
        if number < before:
            refuse(f"the columns that read {column.name!r} do not stand together")
    if len(spec.pairs) >= NO_ROW:
        refuse(f"the plan has {len(spec.pairs)} pairs")
    if spec.base.shape != (k,) or not np.isfinite(spec.base).all():
        refuse(f"the base margins have shape {spec.base.shape} for {k} outputs, or are not finite")
    if (kind == "softmax") != (spec.task is layout.TASKS[1]) or (kind != "softmax" and k != 1):
        refuse(f"a calibration of kind {kind} does not fit a {spec.task} plan of {k} outputs")
    _check_calibration(spec.calibration, k)


def _check_calibration(calibration: Calibration, k: int) -> None:
    x, y = calibration.x, calibration.y
    if calibration.kind == "isotonic":
        if (
            x.ndim != 1
            or x.size < 1
            or x.shape != y.shape
            or (np.diff(x) <= 0).any()
            or (np.diff(y) < 0).any()
        ):
            refuse("the isotonic knots must rise")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            refuse("the isotonic knots must be finite")
    elif calibration.b.shape != ((k,) if calibration.kind == "softmax" else (1,)):
        refuse(f"the calibration has {calibration.b.size} offsets for {k} outputs")
    if not (np.isfinite(calibration.a) and np.isfinite(calibration.b).all()):
        refuse("the calibration must be finite")


def check_linear(linear: Linear, spec: PlanSpec) -> None:
    """Shapes, slots and finite figures of the linear member."""
    m, k = len(linear.slot), spec.n_outputs
    if linear.intercept.shape != (k,) or linear.weight.shape != (m, k):
        refuse(f"the linear member has weights of shape {linear.weight.shape} for {m} terms and {k} outputs")
    if any(getattr(linear, name).shape != (m,) for name in ("mean", "inv_scale", "fill", "center")):
        refuse(f"the linear member has {m} terms, but other numbers of means, scales, fills or centers")
    if m and (int(linear.slot.min()) < 0 or int(linear.slot.max()) >= spec.n_slots):
        refuse("a linear term reads a slot that the plan does not have")
    for name in ("intercept", "weight", "mean", "inv_scale", "fill", "center"):
        if not np.isfinite(getattr(linear, name)).all():
            refuse(f"the linear member's {name} must be finite")


def check_tree(tree: Tree, spec: PlanSpec, place: str) -> None:
    """That it is a tree whose children follow their parents, within the limits; ``place`` names it."""
    n = len(tree.feature)
    if not 1 <= n < MAX_TREE_LEAVES:
        refuse(f"{place} has {n} splits (1 to {MAX_TREE_LEAVES - 1})")
    if any(len(a) != n for a in (tree.threshold, tree.default_left, tree.left, tree.right, tree.cover)):
        refuse(f"{place} has {n} splits, but other numbers of thresholds, children or covers")
    if len(tree.value) != n + 1 or len(tree.leaf_cover) != n + 1:
        refuse(f"{place} has {len(tree.value)} leaves for {n} splits")
    if int(tree.feature.min()) < 0 or int(tree.feature.max()) >= spec.n_slots:
        refuse(f"{place} reads a slot that the plan does not have")
    if not 0 <= tree.output < spec.n_outputs:
        refuse(f"{place} adds to output {tree.output} of {spec.n_outputs}")
    if (
        np.isnan(tree.threshold).any() or not np.isfinite(tree.value).all()
    ):  # an infinite threshold only parts NaN off
        refuse(f"{place} has leaves that are not finite, or thresholds that are no numbers")
    children = np.concatenate([tree.left, tree.right])
    if sorted(children.tolist()) != [*range(-n - 1, 0), *range(1, n)]:
        refuse(f"{place} is no tree: every node but the first, and every leaf, needs one parent")
    if any((side[side >= 0] <= np.flatnonzero(side >= 0)).any() for side in (tree.left, tree.right)):
        refuse(f"{place} has a child before its parent")
