"""``POST /predict/{name}``: records in, predictions out, for people and simple programs."""

from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Raw

from tenantry.errors import InvalidData, InvalidRequest
from tenantry.serving.infer import reason_count
from tenantry.serving.limits import Limits
from tenantry.serving.models import Model, Outcome
from tenantry.serving.nearest import describe
from tenantry.serving.replies import encode_json, json_reply
from tenantry.serving.work import NO_PARAMETERS, Pause, Row, Steps, Work
from tenantry.wire import read_json, read_records

Record = dict[str, Any]
_PARAMETERS = ("version", "explain")


def predict(work: Work) -> Steps:
    """Score one record or a list of records (JSON objects by column name); fields may be missing or null.

    ``?version=`` takes a number or an alias, ``?explain=K`` adds the K strongest reasons to each prediction.
    """
    limits = work.limits
    version, explain, parameters = query_of(work)
    work.expect(version)
    records = records_of(read_records(work.body), limits, explain)
    target = work.choose(version, parameters)
    work.count(len(records))
    model = yield from work.model(target)
    size = limits.explained_slice_rows if explain else limits.slice_rows
    parts: list[bytes] = []
    unknown: set[str] = set()
    for start in range(0, len(records), size):
        if start:
            yield None
        part = [_record(item, i) for i, item in enumerate(records[start : start + size], start)]
        if model.plan.batch > 1 and len(records) == 1:
            outcomes = yield from _shared(model, part, unknown)
        else:
            outcomes = _outcomes(model, part, start, unknown)
        work.outcomes += outcomes
        predictions = [shown(model, outcome, work.version) for outcome in outcomes]
        if explain:
            for prediction, record, outcome in zip(predictions, part, outcomes, strict=True):
                prediction["reasons"] = model.reasons(record, explain, outcome)
        parts.append(encode_json(predictions)[1:-1])
    body = b'{"predictions":[%s]' % b",".join(parts)
    if unknown:
        text = f"ignored, since the model has no such column: {describe(unknown, model.columns)}"
        body += b',"warnings":%s' % encode_json([text])
    return json_reply(body + b"}")


def query_of(work: Work) -> tuple[str | None, int, Mapping[str, str]]:
    """(version, number of reasons, all parameters) out of the query string.

    Raises ``InvalidRequest("query_value")``.
    """
    if not work.query:
        return None, 0, NO_PARAMETERS
    more = work.parameters
    given: dict[str, str] = {}
    for name, value in parse_qsl(work.query.decode("latin-1"), keep_blank_values=True):
        if name not in _PARAMETERS and name not in more:
            raise InvalidRequest(
                "query_value",
                f"there is no query parameter {describe([name], [*_PARAMETERS, *sorted(more)])}",
            )
        if name in given:
            raise InvalidRequest("query_value", f"the query parameter {name!r} is given twice")
        given[name] = value
    explain = given.get("explain", "0")
    if not (explain.isascii() and explain.isdecimal() and len(explain) < 6):
        raise InvalidRequest("query_value", f"explain={explain[:20]!r} is not a whole number")
    return given.get("version"), reason_count(int(explain), work.limits), given


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


def shown(model: Model, outcome: Outcome, version: str) -> dict[str, Any]:
    """One prediction as people see it; probabilities by class. A regression has its score alone."""
    label, score, probabilities, _ = outcome
    if probabilities is None:
        return {"score": score, "model_version": version}
    classes = model.classes
    if model.binary:
        named = {classes[0]: probabilities[0], classes[1]: probabilities[1]}
    else:
        named = dict(zip(classes, probabilities, strict=True))
    return {"label": label, "score": score, "probabilities": named, "model_version": version}


def _shared(model: Model, records: list[Record], unknown: set[str]) -> Generator[Pause, Any, list[Outcome]]:
    """Score a lone record, together with others' that wait for the same model."""
    _check_fields(model, records, 0, unknown)
    outcome = yield Row(model, records[0])
    if isinstance(outcome, InvalidData):
        raise _about(0, outcome)
    if isinstance(outcome, Exception):
        raise outcome
    return [outcome]


def _outcomes(model: Model, records: list[Record], start: int, unknown: set[str]) -> list[Outcome]:
    """Score a slice that begins at record ``start`` of the request; fields that the model lacks go to
    ``unknown``.
    """
    _check_fields(model, records, start, unknown)
    try:
        if len(records) == 1:
            return [model.outcome(model.plan.score(records[0]))]
        return model.outcomes_of(model.plan.score_rows(records))
    except InvalidData as error:
        raise _located(model, records, start, error) from error


def _check_fields(model: Model, records: list[Record], start: int, unknown: set[str]) -> None:
    """Collect the fields that the model lacks. Raises ``InvalidRequest("record_unknown")``."""
    known = model.known
    for i, record in enumerate(records):
        if not known.issuperset(record):
            strange = record.keys() - known
            if len(strange) == len(record):
                raise InvalidRequest(
                    "record_unknown",
                    f"record {start + i} has no field of the model, but {describe(strange, model.columns)}",
                )
            unknown |= strange
        elif not record:
            raise InvalidRequest("record_unknown", f"record {start + i} is empty")


def _located(model: Model, records: list[Record], start: int, error: InvalidData) -> InvalidData:
    """The same error, saying which record it is about."""
    for i, record in enumerate(records):
        try:
            model.plan.score(record)
        except InvalidData as found:
            return _about(start + i, found)
    return error


def _about(number: int, error: InvalidData) -> InvalidData:
    return InvalidData(
        error.code, f"record {number}: {error.message}", hint=error.hint, details=error.details
    )
