"""A plan as one ONNX graph, for runtimes other than tenantry's own (B5).

The graph begins after parsing: ONNX has no exact way to read "$1,200.50" or "5 March 2024", so each raw
column is a *typed* input of shape [N] — numbers as float64, dates as float64 days since 1970-01-01 (UTC),
categories as words, texts as their tokens joined by one space (and, where a plan uses it, the length in
bytes as ``<name>:bytes``). :func:`prepare_inputs` makes them from raw records with the plan's own parsers.
Everything after that — date parts, tables, TF-IDF, differences, forest, linear member, calibration, label —
is in the graph, in float64 after the float32 slots, with standard operators only (ai.onnx 20, ai.onnx.ml 3).

Outputs: ``label`` (string [N]; absent for regression), ``score`` (float64 [N]) and ``probabilities`` (float64
[N, classes]; absent for regression), as the scoring API gives them. An export that differs from the plan by
more than :data:`TOLERANCE` is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tenantry.errors import Internal, Unsupported
from tenantry.plan._onnx_columns import BYTES_SUFFIX, Encoded, encode, input_names, kind_of, rows_by
from tenantry.plan._onnx_forest import forest
from tenantry.plan._onnx_graph import Graph, require
from tenantry.plan._onnx_probe import probe_records
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    GeoColumn,
    Linear,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    TextColumn,
)
from tenantry.plan.kernel import Plan, category_word, parse_dates, parse_numbers
from tenantry.plan.meta import PlanMeta
from tenantry.plan.parse import words
from tenantry.plan.parts import word_part
from tenantry.schema import Signature, Task

__all__ = ["TOLERANCE", "export_onnx", "prepare_inputs", "verify_onnx"]

TOLERANCE = 1e-5
"""Largest allowed difference of a probability, or of a value relative to max(1, |value|)."""
Record = Mapping[str, Any]


def export_onnx(plan: Plan | bytes, records: Sequence[Record] = ()) -> bytes:
    """The plan as a serialized ONNX model, proved equal to the plan.

    The proof runs ``records`` and records made from the plan itself (every threshold from both sides, every
    word, unseen words, missing values) through both.

    Raises:
        Unsupported: ``onnx_not_installed`` without the extra ``tenantry[onnx]``; ``onnx_no_columns`` for a
            plan that takes no input; ``onnx_column`` for one that reads lists or places.
        Internal: ``onnx_differs`` when the graph and the plan disagree.
    """
    data = plan if isinstance(plan, bytes) else plan.data
    opened = Plan.from_bytes(data)
    spec = spec_of(data)
    model = write_graph(spec)
    sample = [*records, *probe_records(spec)]
    difference = verify_onnx(opened, model, sample, spec=spec)
    if not difference <= TOLERANCE:
        raise Internal(
            "onnx_differs",
            f"the ONNX graph differs from the plan by {difference:.3g} (at most {TOLERANCE:g} is allowed)",
            details={"difference": difference, "records": len(sample)},
        )
    return model


def prepare_inputs(plan: Plan | PlanSpec, records: Sequence[Record]) -> dict[str, npt.NDArray[Any]]:
    """The graph's inputs for raw ``records``, parsed as the plan parses them; one array of length N per
    input."""
    spec = plan if isinstance(plan, PlanSpec) else spec_of(plan.data)
    inputs: dict[str, npt.NDArray[Any]] = {}
    names = input_names(tuple(column.name for column in spec.columns))
    for name, column in zip(names, spec.columns, strict=True):
        values = [record.get(column.name) for record in records]
        match column:
            case NumberColumn():
                inputs[name] = parse_numbers(values, column.format)
            case DateColumn():
                inputs[name] = np.ascontiguousarray(_days(values, column))
            case CategoryColumn():
                inputs[name] = np.array([_looked_up(value, column) for value in values], dtype=object)
            case TextColumn():
                inputs[name] = np.array([_joined(value) for value in values], dtype=object)
                if column.chars_slot >= 0:
                    inputs[name + BYTES_SUFFIX] = np.array(
                        [_length(value) for value in values], dtype=np.float64
                    )
    return inputs


def _days(values: list[Any], column: DateColumn) -> npt.NDArray[np.float64]:
    days = np.ascontiguousarray(parse_dates(values, column.order, column.digits)[:, 0])
    return np.where(np.isin(days, column.nulls), np.nan, days)


def verify_onnx(
    plan: Plan, model: bytes, records: Sequence[Record], *, spec: PlanSpec | None = None
) -> float:
    """The largest difference between ``plan`` and the ONNX ``model`` over ``records``, run by onnxruntime:
    of any probability, or of the value relative to max(1, |value|). NaN where one of them gives NaN."""
    if not records:
        return 0.0
    spec = spec or spec_of(plan.data)
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    got = dict(
        zip(
            (o.name for o in session.get_outputs()),
            session.run(None, prepare_inputs(spec, records)),
            strict=True,
        )
    )
    wanted = np.array(plan.score_rows([dict(record) for record in records]), dtype=np.float64)
    match spec.task:
        case Task.REGRESSION:
            return float(np.max(np.abs(got["score"] - wanted[:, 0]) / np.maximum(1.0, np.abs(wanted[:, 0]))))
        case Task.BINARY:
            return float(np.max(np.abs(got["score"] - wanted[:, 0])))
        case _:
            return float(np.max(np.abs(got["probabilities"] - wanted)))


def write_graph(spec: PlanSpec) -> bytes:
    """The graph of ``spec``, checked by ``onnx.checker`` but not yet compared with the plan."""
    for column in spec.columns:
        if isinstance(column, GeoColumn) or (
            isinstance(column, TextColumn) and (column.delimiter or column.scripts)
        ):
            what = (
                "a place"
                if isinstance(column, GeoColumn)
                else "a list"
                if column.delimiter
                else "words of any script"
            )
            raise Unsupported(
                "onnx_column", f"column {column.name!r} is read as {what}, which the graph has no input for"
            )
    if not spec.columns:
        raise Unsupported("onnx_no_columns", "the plan takes no input, so there is nothing to export")
    meta = msgspec.convert(dict(spec.meta), PlanMeta)
    graph = Graph()
    matrix, encoded = encode(graph, spec)
    first = input_names(tuple(column.name for column in spec.columns))[0]
    margins = graph.add("Expand", graph.doubles([spec.base]), rows_by(graph, first, spec.n_outputs))
    if spec.trees:
        margins = _plus(
            graph, margins, forest(graph, spec.trees, spec.n_outputs, matrix, encoded), spec.forest_weight
        )
    if spec.linear is not None:
        margins = _plus(graph, margins, _linear(graph, spec.linear, matrix, encoded), spec.linear_weight)
    _publish(graph, spec, meta.signature, _calibrate(graph, spec.calibration, margins))
    return graph.serialize("tenantry-plan", producer_version="1", metadata=_described(spec, meta))


def _described(spec: PlanSpec, meta: PlanMeta) -> dict[str, str]:
    names = input_names(tuple(column.name for column in spec.columns))
    inputs = [
        {"input": name, "column": column.name, "kind": kind_of(column), **_reading(column)}
        for name, column in zip(names, spec.columns, strict=True)
    ]
    facts: dict[str, Any] = {"inputs": inputs, "target": meta.target, "signature": meta.signature}
    return {f"tenantry.{key}": msgspec.json.encode(value).decode() for key, value in facts.items()}


def _reading(column: PlanColumn) -> dict[str, Any]:
    """How a column's raw text is read, where that differs between columns of a kind."""
    match column:
        case NumberColumn():
            form = column.format
            reading = {"decimal": form.decimal, "unit_tail": form.unit_tail}
            return (
                reading
                | ({"units": dict(form.units)} if form.units else {})
                | ({"clock": True} if form.clock else {})
            )
        case DateColumn():
            return {"order": column.order} | ({"digits": column.digits} if column.digits else {})
        case CategoryColumn() if column.part != "word":
            return {"part": column.part, "prefix_bytes": column.prefix_bytes}
    return {}


def _plus(graph: Graph, margins: str, member: str, weight: float) -> str:
    return graph.add("Add", margins, graph.add("Mul", member, graph.doubles([[weight]])))


def _linear(graph: Graph, linear: Linear, matrix: str, encoded: Encoded) -> str:
    """[N, K] float64: standardised, clipped slots times weights, plus what categories and words add."""
    total = ""
    if linear.slot.size:
        where = graph.ints([encoded.position[int(slot)] for slot in linear.slot])
        raw = graph.cast(graph.add("Gather", matrix, where, axis=1), np.float64)
        known = graph.add("Where", graph.add("IsNaN", raw), graph.doubles(linear.fill[None, :]), raw)
        centred = graph.add("Sub", known, graph.doubles(linear.mean[None, :]))
        scaled = graph.add("Mul", centred, graph.doubles(linear.inv_scale[None, :]))
        clipped = graph.add("Clip", scaled, graph.doubles(-8), graph.doubles(8))
        total = graph.add("MatMul", clipped, graph.doubles(linear.weight))
    for term in encoded.linear:
        total = graph.add("Add", total, term) if total else term
    intercept = graph.doubles([linear.intercept])
    return graph.add("Add", total, intercept) if total else intercept


def _calibrate(graph: Graph, calibration: Calibration, margins: str) -> str:
    """Margins [N, K] → what :meth:`Plan.score` gives, [N, K]."""
    if calibration.kind == "isotonic":
        return _isotonic(graph, calibration, margins)
    scaled = graph.add("Mul", margins, graph.doubles([[calibration.a]]))
    moved = graph.add("Add", scaled, graph.doubles([calibration.b]))
    if calibration.kind == "sigmoid":
        return graph.add("Sigmoid", moved)
    if calibration.kind == "softmax":
        return graph.add("Softmax", moved, axis=1)
    if calibration.kind == "exp":
        moved = graph.add("Exp", moved)
    return graph.add("Clip", moved, graph.doubles(calibration.low), graph.doubles(calibration.high))


def _isotonic(graph: Graph, calibration: Calibration, margins: str) -> str:
    """Linear between the knots: count the inner knots at or below the margin, then gather both ends."""
    x, y = calibration.x, calibration.y
    if x.size == 1:
        return graph.add("Add", graph.add("Mul", margins, graph.doubles([[0.0]])), graph.doubles([y]))
    inside = graph.add("Clip", margins, graph.doubles(x[0]), graph.doubles(x[-1]))
    if x.size == 2:
        below = graph.cast(graph.add("Mul", inside, graph.doubles([[0.0]])), np.int64)
    else:
        at_least = graph.add("GreaterOrEqual", inside, graph.doubles(x[None, 1:-1]))
        below = graph.total(graph.cast(at_least, np.int64))

    def end(knots: npt.NDArray[np.float64]) -> str:
        return graph.add("Gather", graph.doubles(knots), below, axis=0)

    x0, x1, y0, y1 = end(x[:-1]), end(x[1:]), end(y[:-1]), end(y[1:])
    part = graph.add("Div", graph.add("Sub", inside, x0), graph.add("Sub", x1, x0))
    return graph.add("Add", y0, graph.add("Mul", graph.add("Sub", y1, y0), part))


def _publish(graph: Graph, spec: PlanSpec, signature: Signature, scores: str) -> None:
    """The outputs, as the scoring API gives them."""
    if spec.task is Task.REGRESSION:
        graph.output("score", graph.flat(scores))
        return
    classes = list(signature.classes)
    if spec.task is Task.BINARY:
        positive = classes.index(signature.positive_class or classes[-1])
        over = graph.cast(
            graph.add("GreaterOrEqual", scores, graph.doubles([[signature.threshold]])), np.int64
        )
        index = graph.flat(over)  # 1 = the positive class
        words = [classes[1 - positive], classes[positive]]
        rest = graph.add("Sub", graph.doubles([[1.0]]), scores)
        graph.output("label", graph.add("Gather", graph.strings(words), index, axis=0), text=True)
        graph.output("score", graph.flat(scores))
        both = [rest, scores] if positive == 1 else [scores, rest]
        graph.output("probabilities", graph.concat(both), width=2)
        return
    index = graph.add("ArgMax", scores, axis=1, keepdims=0)
    graph.output("label", graph.add("Gather", graph.strings(classes), index, axis=0), text=True)
    graph.output("score", graph.add("ReduceMax", scores, graph.ints([1]), keepdims=0))
    graph.output("probabilities", scores, width=len(classes))


def _looked_up(value: Any, column: CategoryColumn) -> str:
    return word_part(category_word(value), column.part, column.prefix_bytes) or ""


def _joined(value: Any) -> str:
    """A text as its tokens; one space where there is a text without any."""
    text = category_word(value)
    return "" if text is None else " ".join(words(text)) or " "


def _length(value: Any) -> float:
    text = category_word(value)
    return float("nan") if text is None else float(len(text.encode()))
