"""``POST /predict/{name}``: records in, predictions out, for people and simple programs."""

from typing import Any
from urllib.parse import parse_qsl

from msgspec import Raw

from tenantry.errors import InvalidData, InvalidRequest
from tenantry.serving.call import Call, Steps
from tenantry.serving.infer import reason_count
from tenantry.serving.limits import Limits
from tenantry.serving.models import Model, Outcome
from tenantry.serving.nearest import describe
from tenantry.serving.replies import encode_json, json_reply
from tenantry.wire import read_json, read_records

Record = dict[str, Any]
_PARAMETERS = ("version", "explain")


def predict(call: Call) -> Steps:
    """Score one record or a list of records (JSON objects by column name); fields may be missing or null.

    ``?version=`` takes a number or an alias, ``?explain=K`` adds the K strongest reasons to each prediction.
    """
    version, explain = query_of(call.query, call.limits)
    target = call.target(version)
    records = records_of(read_records(call.body), call.limits, explain)
    model = call.model(target)
    size = call.limits.explained_slice_rows if explain else call.limits.slice_rows
    parts: list[bytes] = []
    unknown: set[str] = set()
    for start in range(0, len(records), size):
        if start:
            yield
        part = [_record(item, i) for i, item in enumerate(records[start : start + size], start)]
        predictions = []
        for record, outcome in zip(part, _outcomes(model, part, start, unknown), strict=True):
            prediction = shown(model, outcome)
            if explain:
                prediction["reasons"] = model.reasons(record, explain, outcome)
            prediction["model_version"] = target.version
            predictions.append(prediction)
        parts.append(encode_json(predictions)[1:-1])
    body = b'{"predictions":[%s]' % b",".join(parts)
    if unknown:
        text = f"ignored, since the model has no such column: {describe(unknown, model.columns)}"
        body += b',"warnings":%s' % encode_json([text])
    return json_reply(body + b"}")


def query_of(query: bytes, limits: Limits) -> tuple[str | None, int]:
    """(version, number of reasons) out of the query string. Raises ``InvalidRequest("query_value")``."""
    if not query:
        return None, 0
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in _PARAMETERS:
            raise InvalidRequest(
                "query_value", f"there is no query parameter {describe([name], _PARAMETERS)}"
            )
        if name in given:
            raise InvalidRequest("query_value", f"the query parameter {name!r} is given twice")
        given[name] = value
    explain = given.get("explain", "0")
    if not (explain.isascii() and explain.isdecimal() and len(explain) < 6):
        raise InvalidRequest("query_value", f"explain={explain[:20]!r} is not a whole number")
    return given.get("version"), reason_count(int(explain), limits)


def records_of(value: Any, limits: Limits, explain: int) -> list[Any]:
    """The body's records, read or still text. Raises ``InvalidRequest``: ``record_shape`` or ``too_many_rows``."""
    if type(value) is dict:
        return [value]
    if type(value) is not list:
        raise InvalidRequest("record_shape", "the body is neither a JSON object nor a list of objects")
    limit = limits.explained_rows if explain else limits.rows
    if len(value) > limit:
        raise InvalidRequest(
            "too_many_rows", f"the request has {len(value):,} records; the limit is {limit:,}"
        )
    return value


def _record(item: Any, number: int) -> Record:
    """One record, read if it is still text. Raises ``InvalidRequest("record_shape")``."""
    record = read_json(item) if type(item) is Raw else item
    if type(record) is not dict:
        raise InvalidRequest("record_shape", f"record {number} of the list is not a JSON object")
    return record


def shown(model: Model, outcome: Outcome) -> dict[str, Any]:
    """One prediction as people see it; probabilities by class. A regression has its score alone."""
    if outcome.probabilities is None:
        return {"score": outcome.score}
    return {
        "label": outcome.label,
        "score": outcome.score,
        "probabilities": dict(zip(model.classes, outcome.probabilities, strict=True)),
    }


def _outcomes(model: Model, records: list[Record], start: int, unknown: set[str]) -> list[Outcome]:
    """Score a slice that begins at record ``start`` of the request; fields that the model lacks go to
    ``unknown``.
    """
    known = model.known
    for i, record in enumerate(records):
        if not record.keys() <= known:
            strange = record.keys() - known
            if len(strange) == len(record):
                raise InvalidRequest(
                    "record_unknown",
                    f"record {start + i} has no field of the model, but {describe(strange, model.columns)}",
                )
            unknown |= strange
        elif not record:
            raise InvalidRequest("record_unknown", f"record {start + i} is empty")
    try:
        if len(records) == 1:
            return [model.outcome(model.plan.score(records[0]))]
        return [model.outcome(values) for values in model.plan.score_rows(records)]
    except InvalidData as error:
        raise _located(model, records, start, error) from error


def _located(model: Model, records: list[Record], start: int, error: InvalidData) -> InvalidData:
    """The same error, saying which record it is about."""
    for i, record in enumerate(records):
        try:
            model.plan.score(record)
        except InvalidData as found:
            return InvalidData(
                found.code, f"record {start + i}: {found.message}", hint=found.hint, details=found.details
            )
    return error
