"""A plan's specification → the bytes of a plan file.

Everything that the format demands is checked here with a message for people, so that the loader's own checks
(:mod:`native/open.c`) only ever fail on damaged or hostile files.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tenantry.plan import layout
from tenantry.plan._checks import check_linear, check_shape, refuse
from tenantry.plan._compile_columns import ColumnWriter, Pools
from tenantry.plan._compile_forest import forest_sections
from tenantry.plan._shap import leaf_shares
from tenantry.plan.hashing import xxh64
from tenantry.plan.ir import Calibration, CategoryColumn, Pair, PlanSpec, TextColumn
from tenantry.plan.layout import Section
from tenantry.plan.parse import TF_WEIGHTS

Array = npt.NDArray[Any]
_SEED_MASK = (1 << 64) - 1


def compile_plan(spec: PlanSpec) -> bytes:
    """The plan file. Errors: ``Unsupported`` (plan_limit) naming what is over a limit or does not fit, and where."""
    check_shape(spec)
    seed = spec.seed & _SEED_MASK
    pools = Pools()
    header = _header(spec, seed)
    header["base"] = pools.add(Section.DOUBLES, spec.base)
    columns = ColumnWriter(spec, pools, seed)
    header["key"] = columns.key
    sections = columns.sections()
    sections[Section.TERMS] = _linear(spec, header, pools)
    _calibration(spec.calibration, header, pools)
    sections |= forest_sections(spec)
    sections |= pools.sections()
    sections[Section.META] = _meta(spec.meta)
    return _assemble(header, sections)


def with_meta(plan: bytes, meta: Mapping[str, Any]) -> bytes:
    """The same plan with other metadata: as if compiled with it, without laying out the rest again."""
    header = np.frombuffer(plan, layout.HEADER, count=1).copy().reshape(())
    sections: dict[Section, Array] = {}
    for section in Section:
        offset, count = (int(figure) for figure in header["section"][section].item())
        sections[section] = np.frombuffer(plan, layout.ITEMS[section], count, offset)
    sections[Section.META] = _meta(meta)
    return _assemble(header, sections)


def _meta(meta: Mapping[str, Any]) -> Array:
    return np.frombuffer(msgspec.json.encode(dict(meta)), np.uint8)


def expected_margins(spec: PlanSpec) -> tuple[float, ...]:
    """The mean margin of each output over the training records: where the attributions of a record start from."""
    forest = np.zeros(spec.n_outputs)
    for tree in spec.trees:
        forest[tree.output] += float(np.dot(tree.value.astype(np.float64), leaf_shares(tree)))
    expected = spec.base + spec.forest_weight * forest
    if spec.linear is not None:
        linear = spec.linear.intercept.astype(np.float64) + spec.linear.center.astype(
            np.float64
        ) @ spec.linear.weight.astype(np.float64)
        for column in (*spec.columns, *spec.pairs):
            if isinstance(column, CategoryColumn | TextColumn | Pair):
                linear = linear + column.mean_weight
        expected = expected + spec.linear_weight * linear
    return tuple(float(margin) for margin in expected)


def _header(spec: PlanSpec, seed: int) -> Array:
    header = np.zeros((), layout.HEADER)
    header["magic"] = layout.MAGIC
    header["byte_order"], header["version"] = layout.BYTE_ORDER, layout.VERSION
    header["seed"] = seed
    header["task"] = layout.TASKS.index(spec.task)
    header["n_outputs"], header["n_slots"] = spec.n_outputs, spec.n_slots
    header["forest_weight"], header["linear_weight"] = spec.forest_weight, spec.linear_weight
    header["tf"] = TF_WEIGHTS
    return header


def _linear(spec: PlanSpec, header: Array, pools: Pools) -> Array:
    linear = spec.linear
    if linear is None:
        return np.zeros(0, layout.TERM)
    check_linear(linear, spec)
    header["has_linear"] = 1
    header["intercept"] = pools.add(Section.DOUBLES, linear.intercept)
    header["term_weights"] = pools.add(Section.FLOATS, linear.weight)
    terms = np.zeros(len(linear.slot), layout.TERM)
    for field in ("slot", "mean", "inv_scale", "fill", "center"):
        terms[field] = getattr(linear, field)
    return terms


def _calibration(calibration: Calibration, header: Array, pools: Pools) -> None:
    header["calibration"] = layout.CALIBRATIONS.index(calibration.kind)
    header["scale"], header["low"], header["high"] = calibration.a, calibration.low, calibration.high
    header["bias"], header["n_bias"] = pools.add(Section.DOUBLES, calibration.b), calibration.b.size
    knots = np.concatenate([calibration.x, calibration.y]) if calibration.kind == "isotonic" else np.zeros(0)
    header["knots"], header["n_knots"] = pools.add(Section.DOUBLES, knots), knots.size // 2


def _assemble(header: Array, sections: dict[Section, Array]) -> bytes:
    body = bytearray(layout.HEADER.itemsize)
    for section in sorted(sections, key=lambda s: (s >= Section.RATIOS, s)):
        # what only explanations need begins on a page of its own, so that scoring never touches it
        align = layout.PAGE if section == Section.RATIOS else 64
        body.extend(bytes(-len(body) % align))
        array = np.ascontiguousarray(sections[section], layout.ITEMS[section])
        header["section"][section] = (len(body), len(array))
        body.extend(array.tobytes())
    body.extend(bytes(-len(body) % 8))
    if len(body) >= 1 << 31:
        refuse(f"the plan would take {len(body)} bytes (at most 2 GiB)")
    header["size"] = len(body)
    body[: layout.HEADER.itemsize] = header.tobytes()
    header["checksum"] = xxh64(bytes(body[layout.CHECKSUM_FROM :]))
    body[: layout.HEADER.itemsize] = header.tobytes()
    return bytes(body)
