"""Inference by the Open Inference Protocol v2."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

from tenantry.errors import InvalidRequest, Unavailable
from tenantry.schema import Task
from tenantry.serving.limits import Limits
from tenantry.serving.models import Model, Outcome
from tenantry.serving.nearest import describe
from tenantry.serving.replies import encode_json, infer_reply
from tenantry.serving.work import NO_PARAMETERS, Pause, Row, Steps, Work
from tenantry.wire import (
    InferRequest,
    LateRequest,
    LateTensor,
    OutputTensor,
    RequestedOutput,
    Values,
    decode_infer,
    decode_tensor,
    encode_infer,
    split_body,
)

DEFAULT_REASONS = 3
"""How many reasons a row gets where ``reasons`` is asked for and no number is."""


LOWEST_PRIORITY = 4
"""The lowest priority class."""
LONG_BYTES = 32 << 10
"""Binary inputs above this size are worth a step of their own."""
LONG_ROWS = 4096
"""Outputs above this length are worth a step of their own."""


class Wanted(NamedTuple):
    """One output to send: its name, its form, and how many classes of the classification extension (0:
    none).
    """

    name: str
    binary: bool
    top: int = 0


def infer(work: Work) -> Steps:
    """Score a batch: JSON or binary tensors in, JSON or binary tensors out."""
    limits = work.limits
    version = work.path.get("version")
    work.expect(version)
    request, tail = _request(work)
    if _schedule(work, request.parameters):
        yield None  # to wait again, in the lower class
    target = work.choose(version, _texts(request.parameters))
    work.count(_rows(request, limits))
    model = yield from work.model(target)
    wanted, explain = wanted_outputs(request, model, limits)
    columns, rows = yield from _columns(model, request, tail, limits)
    if explain and rows > limits.explained_rows:
        raise _too_many(rows, limits.explained_rows, " with reasons")
    size = limits.explained_slice_rows if explain else limits.slice_rows
    outcomes = work.outcomes
    reasons: list[str] = []
    for start in range(0, rows, size):
        if start:
            yield None
        part = columns if rows <= size else _cut(columns, start, start + size)
        count = min(size, rows - start)
        if rows == 1 and model.plan.batch > 1:
            scored = yield from _shared(model, part)
        else:
            scored = model.outcomes(part, count)
        outcomes += scored
        if explain:
            reasons += _reasons(model, part, scored, explain)
    outputs = []
    for one in wanted:
        if rows > LONG_ROWS:
            yield None
        outputs.append(_tensor(model, one, outcomes, reasons))
    if work.form is not None:
        return work.form.reply(work, request.id, outputs)
    return infer_reply(*encode_infer(work.name, work.version, request.id, outputs))


def _shared(model: Model, columns: list[Values | None]) -> Generator[Pause, Any, list[Outcome]]:
    """Score a lone row, together with others' that wait for the same model."""
    named = zip(model.columns, columns, strict=True)
    outcome = yield Row(model, {name: column[0] for name, column in named if column is not None})
    if isinstance(outcome, Exception):
        raise outcome
    return [outcome]


def _rows(request: InferRequest | LateRequest, limits: Limits) -> int:
    """Rows of the request by its first input's shape.

    Raises ``InvalidRequest``: ``input_missing``, ``too_many_rows``.
    """
    if not request.inputs:
        raise InvalidRequest("input_missing", "the request has no inputs, so the number of rows is unknown")
    rows = request.inputs[0].shape[0] if request.inputs[0].shape else 0
    if rows > limits.rows:
        raise _too_many(rows, limits.rows)
    return rows


def _texts(parameters: Mapping[str, Any] | None) -> Mapping[str, str]:
    """The request's parameters as rules see them: texts as they are, numbers and truth values as JSON writes them."""
    if not parameters:
        return NO_PARAMETERS
    simple = (str, int, float, bool)
    return {
        name: value if isinstance(value, str) else encode_json(value).decode()
        for name, value in parameters.items()
        if isinstance(value, simple)
    }


def _schedule(work: Work, parameters: Mapping[str, Any] | None) -> bool:
    """Triton's schedule policy: ``timeout`` (microseconds since arrival; it can only bring the deadline forward) and
    ``priority`` (1 is the highest, 0 the default; a caller may put its request behind others, not before them).

    Returns whether the class is a lower one than the request was queued with. Raises
    ``InvalidRequest("parameter_value")``, ``Unavailable("deadline_passed")``.
    """
    if not parameters:
        return False
    timeout, priority = parameters.get("timeout", 0), parameters.get("priority", 0)
    for name, value in (("timeout", timeout), ("priority", priority)):
        if type(value) is not int or value < 0:
            raise InvalidRequest("parameter_value", f"{name} must be a whole number, 0 or more")
    if timeout:
        work.deadline = min(work.deadline, work.arrived + timeout / 1e6)
        if work.late():
            raise Unavailable("deadline_passed", f"the request's timeout of {timeout:,} µs has passed")
    queued = work.priority
    work.priority = max(queued, min(priority, LOWEST_PRIORITY))
    return work.priority > queued


def _request(work: Work) -> tuple[InferRequest | LateRequest, memoryview]:
    """The JSON part, read, and the binary part. Raises ``InvalidRequest``: ``body_json`` or ``header_value``."""
    if work.form is not None:
        return work.form.request()
    length = work.headers.get(b"inference-header-content-length")
    try:
        head, tail = split_body(work.body, length)
        return decode_infer(head), tail
    except InvalidRequest as error:
        # A client that shares one dict of headers between calls sends the length of an earlier request.
        if length is None or error.code == "number_range" or not work.body.rstrip().endswith(b"}"):
            raise
        shown = length[:20].decode("latin-1")
        raise InvalidRequest(
            "header_value",
            f"the header Inference-Header-Content-Length says that the first {shown} of the body's "
            f"{len(work.body)} bytes are its JSON, but {error.message}",
            hint="If the body is JSON alone, leave the header out. tritonclient writes it into the dict of headers "
            "that it is given: pass a fresh dict with each call.",
        ) from error


def wanted_outputs(
    request: InferRequest | LateRequest, model: Model, limits: Limits
) -> tuple[list[Wanted], int]:
    """The outputs to send, and the number of reasons per row (0: none).

    Raises ``InvalidRequest`` with ``output_unknown`` or ``parameter_value``.
    """
    parameters = request.parameters or {}
    binary = _flag(parameters, "binary_data_output")
    explain = reason_count(parameters.get("explain"), limits)
    names = ["score"] if model.task is Task.REGRESSION else ["label", "score", "probabilities"]
    if not request.outputs:
        return [Wanted(name, binary) for name in (*names, *(["reasons"] if explain else []))], explain
    unknown = {output.name for output in request.outputs} - {*names, "reasons"}
    if unknown:
        raise InvalidRequest(
            "output_unknown", f"the model has no output {describe(unknown, [*names, 'reasons'])}"
        )
    wanted = [_wanted(output, binary) for output in request.outputs]
    if any(one.name == "reasons" for one in wanted):
        return wanted, explain or DEFAULT_REASONS
    return [*wanted, Wanted("reasons", binary)] if explain else wanted, explain


def reason_count(value: Any, limits: Limits) -> int:
    """A number of reasons as a caller gives it; None is 0. Raises ``InvalidRequest("parameter_value")``."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= limits.reasons:
        raise InvalidRequest("parameter_value", f"explain must be a whole number from 0 to {limits.reasons}")
    return value


def _wanted(output: RequestedOutput, binary: bool) -> Wanted:  # noqa: FBT001 — the request's own default
    parameters = output.parameters
    if not parameters:
        return Wanted(output.name, binary)
    top = parameters.get("classification", 0)
    if type(top) is not int or top < 0:
        raise InvalidRequest("parameter_value", "classification must be a whole number")
    if top and output.name != "probabilities":
        raise InvalidRequest("parameter_value", "classification applies to the output probabilities")
    return Wanted(output.name, _flag(parameters, "binary_data", default=binary), top)


def _flag(parameters: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise InvalidRequest("parameter_value", f"{name} must be true or false")
    return value


def _columns(model: Model, request: InferRequest | LateRequest, tail: memoryview, limits: Limits) -> Any:
    """The plan's columns in order, and the number of rows, out of the inputs in any order. In steps."""
    columns: list[Values | None] = [None] * len(model.columns)
    unknown = {tensor.name for tensor in request.inputs} - model.known
    if unknown:
        raise InvalidRequest("input_unknown", f"the model has no input {describe(unknown, model.columns)}")
    seen: set[str] = set()
    rows = _rows(request, limits)
    for tensor in request.inputs:
        if tensor.name in seen:
            raise InvalidRequest("input_duplicate", f"the input {tensor.name!r} is sent twice")
        seen.add(tensor.name)
        if isinstance(tensor, LateTensor):
            yield
            tensor = tensor.ready()  # noqa: PLW2901 — the same input, read
        at = model.index[tensor.name]
        count, columns[at], used = decode_tensor(tensor, tail, as_float=model.numeric[at])
        if count != rows:
            raise InvalidRequest(
                "input_shape",
                f"input {tensor.name!r} has {count} rows, but {request.inputs[0].name!r} has {rows}",
            )
        tail = tail[used:]
        if used > LONG_BYTES:
            yield
    if tail:
        raise InvalidRequest("input_data", f"{len(tail)} bytes follow after the last binary input")
    return columns, rows


def _cut(columns: list[Values | None], start: int, stop: int) -> list[Values | None]:
    return [None if column is None else column[start:stop] for column in columns]


def _reasons(model: Model, columns: Sequence[Values | None], outcomes: list[Outcome], k: int) -> list[str]:
    """Each row's reasons as JSON text."""
    named = zip(model.columns, columns, strict=True)
    present = [(name, column) for name, column in named if column is not None]
    texts = []
    for row, outcome in enumerate(outcomes):
        record = {name: column[row] for name, column in present}
        texts.append(encode_json(model.reasons(record, k, outcome)).decode())
    return texts


def _tensor(model: Model, wanted: Wanted, outcomes: list[Outcome], reasons: list[str]) -> OutputTensor:
    rows = len(outcomes)
    name, binary, top = wanted
    if name == "score":
        return OutputTensor(name, "FP64", [rows], [outcome.score for outcome in outcomes], binary)
    if name == "label":
        return OutputTensor(name, "BYTES", [rows], [outcome.label for outcome in outcomes], binary)
    if name == "reasons":
        return OutputTensor(name, "BYTES", [rows], reasons, binary)
    classes = model.classes
    if top:
        top = min(top, len(classes))
        texts = [text for outcome in outcomes for text in _top(classes, outcome.probabilities or (), top)]
        return OutputTensor(name, "BYTES", [rows, top], texts, binary)
    values = [p for outcome in outcomes for p in outcome.probabilities or ()]
    return OutputTensor(name, "FP64", [rows, len(classes)], values, binary)


def _top(classes: tuple[str, ...], probabilities: tuple[float, ...], top: int) -> list[str]:
    """Triton's classification extension: "<value>:<index>:<label>", highest value first."""
    order = sorted(range(len(probabilities)), key=lambda i: -probabilities[i])[:top]
    return [f"{probabilities[i]!r}:{i}:{classes[i]}" for i in order]


def _too_many(rows: int, limit: int, what: str = "") -> InvalidRequest:
    return InvalidRequest(
        "too_many_rows",
        f"the request has {rows:,} rows{what}; the limit is {limit:,}",
        details={"limit": limit},
    )
