"""Health, metadata and readiness of the Open Inference Protocol v2."""

from tenantry import __version__
from tenantry.schema import Task
from tenantry.serving.models import Model
from tenantry.serving.replies import Response, encode_json, json_reply, not_found
from tenantry.serving.state import State
from tenantry.serving.work import Steps, Work
from tenantry.wire import ModelMetadata, ServerMetadata, TensorMetadata

PLATFORM = "tenantry_plan"
_LIVE = b'{"live":true}'


def server_live(state: State) -> Response:
    """The process answers."""
    del state
    return json_reply(_LIVE)


def server_ready(state: State) -> Response:
    """The worker knows whom to answer and with what."""
    ready = state.table is not None
    return json_reply(encode_json({"ready": ready}), 200 if ready else 503)


def server_metadata(work: Work) -> Response:
    """Name, version and extensions."""
    del work
    return json_reply(encode_json(ServerMetadata(name="tenantry", version=__version__)))


def list_models(work: Work) -> Response:
    """Names of the tenant's models."""
    return json_reply(encode_json({"models": sorted(work.state.current.endpoints.get(work.tenant, ()))}))


def model_metadata(work: Work) -> Steps:
    """Versions, inputs and outputs of a model; those of the default version where none is named."""
    target = work.choose(work.path.get("version"))
    endpoint = work.state.current.endpoint(work.tenant, work.name)
    if endpoint is None:
        raise not_found()
    model = yield from work.model(target)
    aliases = dict(sorted(endpoint.aliases.items()))
    metadata = ModelMetadata(
        name=work.name,
        versions=tuple(sorted(endpoint.versions, key=_by_number)),
        platform=PLATFORM,
        inputs=inputs_of(model),
        outputs=outputs_of(model),
        parameters={"version": work.version, "aliases": aliases, **_meaning(model)},
    )
    return json_reply(encode_json(metadata))


def model_ready(work: Work) -> Steps:
    """200 where the version can score now (it is opened for this), an error otherwise."""
    target = work.choose(work.path.get("version"))
    yield from work.model(target)
    return json_reply(encode_json({"name": work.name, "version": work.version, "ready": True}))


def inputs_of(model: Model) -> tuple[TensorMetadata, ...]:
    """One input per raw column: FP64 for numbers, BYTES for all else."""
    return tuple(
        TensorMetadata(name=name, datatype="FP64" if numeric else "BYTES", shape=(-1,))
        for name, numeric in zip(model.columns, model.numeric, strict=True)
    )


def outputs_of(model: Model) -> tuple[TensorMetadata, ...]:
    """The outputs; ``reasons`` is sent where it is asked for."""
    score = TensorMetadata(name="score", datatype="FP64", shape=(-1,))
    reasons = TensorMetadata(name="reasons", datatype="BYTES", shape=(-1,))
    if model.task is Task.REGRESSION:
        return score, reasons
    label = TensorMetadata(name="label", datatype="BYTES", shape=(-1,))
    probabilities = TensorMetadata(name="probabilities", datatype="FP64", shape=(-1, len(model.classes)))
    return label, score, probabilities, reasons


def _meaning(model: Model) -> dict[str, object]:
    """What the tensors mean, for people and programs that draw them."""
    meaning: dict[str, object] = {"task": model.task, "target": model.meta.target}
    if model.task is not Task.REGRESSION:
        meaning["classes"] = model.classes
    if model.task is Task.BINARY:
        meaning |= {"positive_class": model.positive, "threshold": model.threshold}
    return meaning


def _by_number(version: str) -> tuple[int, str]:
    return (int(version) if version.isdecimal() else 0), version
