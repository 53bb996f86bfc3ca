"""The model repository extension of the Open Inference Protocol: what is in memory, load it, let go of it.

Loading and unloading are hints to the worker that answers. What is served is decided by the endpoint table alone: a
model that was unloaded comes back with the next request for it, and one that was loaded may be evicted again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.routing import Endpoint
from tenantry.serving.replies import Response, encode_json, json_reply, not_found
from tenantry.serving.residency_table import in_use
from tenantry.serving.work import Steps, Work

NOT_HERE = "not in this worker's memory; a request brings it in"
_FILES = ("config", "file:")


class IndexRequest(msgspec.Struct, frozen=True):
    """The body of an index request; none at all is the same as an empty one."""

    ready: bool = False


class ChangeRequest(msgspec.Struct, frozen=True):
    """The body of a load or unload request."""

    parameters: dict[str, Any] | None = None


class Listed(NamedTuple):
    """One version: ``state`` is READY, LOADING, UNLOADING or UNAVAILABLE (not in this worker's memory)."""

    name: str
    version: str
    state: str
    reason: str


_READ_INDEX = msgspec.json.Decoder(IndexRequest)
_READ_CHANGE = msgspec.json.Decoder(ChangeRequest)


def index(work: Work) -> Steps:
    """The tenant's versions, and which of them are in this worker's memory."""
    asked = _read(_READ_INDEX, work.body) or IndexRequest()
    listed: list[dict[str, str]] = []
    for name, endpoint in sorted(work.state.current.endpoints.get(work.tenant, {}).items()):
        listed += [
            one._asdict() for one in _listed(work, name, endpoint) if one.state == "READY" or not asked.ready
        ]
        yield None
    return json_reply(encode_json(listed))


def _listed(work: Work, name: str, endpoint: Endpoint) -> Iterator[Listed]:
    residency = work.state.residency
    for version, ref in endpoint.versions.items():
        state = residency.state(work.tenant, ref.sha256)
        if state is not None:
            yield Listed(name, version, state.state, "")
            continue
        failure = residency.failure(work.tenant, ref.sha256)
        reason = NOT_HERE if failure is None else str(getattr(failure, "message", failure))
        yield Listed(name, version, "UNAVAILABLE", reason)


def load(work: Work) -> Steps:
    """Bring the versions in use into this worker's memory; answered when they are there.

    Raises ``Unavailable("model_unavailable")``, ``Corrupt("plan_corrupt")`` or ``Unsupported`` for the first that
    cannot be opened.
    """
    endpoint = _endpoint(work)
    asked = _read(_READ_CHANGE, work.body)
    parameters = (asked.parameters if asked is not None else None) or {}
    if any(name.startswith(_FILES) for name in parameters):
        raise InvalidRequest(
            "parameter_value",
            "a model's configuration and files are not taken here",
            hint="Register a version with the control API; loading brings what is registered into memory.",
        )
    residency = work.state.residency
    for ref in in_use(endpoint):
        if residency.find(work.tenant, ref) is None:
            future = residency.load(work.tenant, ref)
            yield future
            future.result()
    return json_reply(b"{}")


def unload(work: Work) -> Response:
    """Let go of all the deployment's versions in this worker's memory, but for those that a request uses."""
    endpoint = _endpoint(work)
    _read(_READ_CHANGE, work.body)  # unload_dependents says nothing here: no model depends on another
    work.state.residency.unload(work.tenant, [ref.sha256 for ref in endpoint.versions.values()])
    return json_reply(b"{}")


def _endpoint(work: Work) -> Endpoint:
    endpoint = work.state.current.endpoint(work.tenant, work.name)
    if endpoint is None:
        raise not_found()
    return endpoint


def _read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """The body, None where it is empty. Raises ``InvalidRequest("body_json")``."""
    if not body.strip():
        return None
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidRequest("body_json", f"the body is not what this path takes: {error}") from error
