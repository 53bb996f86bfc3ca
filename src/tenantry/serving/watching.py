"""What a worker tells of itself: metrics, statistics of models, and what is in memory and why not."""

from tenantry.errors import Unsupported
from tenantry.serving.eviction import for_tenants
from tenantry.serving.replies import Response, encode_json, json_reply, not_found
from tenantry.serving.stats_merged import ModelStats, version_stats
from tenantry.serving.work import Steps, Work

NANOSECONDS = 1e9


def metrics(work: Work) -> Steps:
    """All workers' figures in Prometheus' text format."""
    told = work.state.metrics
    if told is None:
        raise Unsupported("figures_off", "this worker keeps no figures")
    return (yield from told.scrape(work.headers.get(b"accept", b"")))


def model_statistics(work: Work) -> Steps:
    """The statistics extension of the Open Inference Protocol: a model's versions, or all of the tenant's models."""
    merged = work.state.merged
    if merged is None:
        raise Unsupported("figures_off", "this worker keeps no figures")
    endpoints = work.state.current.endpoints.get(work.tenant, {})
    version = work.path.get("version")
    if work.name:
        work.expect(version)
    looking = merged.recent()
    yield looking
    views = looking.result()
    told = []
    for name in [work.name] if work.name else sorted(endpoints):
        endpoint = endpoints.get(name)
        if endpoint is None:
            raise not_found()
        wanted = endpoint.aliases.get(version, version) if version else None
        told += [
            _statistics(name, number, version_stats(views, work.tenant, name, number))
            for number in endpoint.versions
            if wanted in (None, number)
        ]
        if not work.name:
            yield None
    return json_reply(encode_json({"model_stats": told}))


def _statistics(name: str, version: str, stats: ModelStats | None) -> dict[str, object]:
    """One version as Triton tells it; times in nanoseconds. What is not measured apart is not made up:
    ``inference_stats`` has ``success`` and ``fail`` alone.
    """
    ok = 0 if stats is None else stats.ok
    failed = 0 if stats is None else sum(stats.failed.values())
    seconds = 0.0 if stats is None else stats.seconds
    return {
        "name": name,
        "version": version,
        "last_inference": 0 if stats is None else round(stats.last * 1000),
        "inference_count": 0 if stats is None else stats.rows,
        "execution_count": ok,
        "inference_stats": {
            "success": {"count": ok, "ns": round(seconds * NANOSECONDS)},
            "fail": {"count": failed, "ns": 0},
        },
        "batch_stats": [],
    }


def residency(work: Work) -> Response:
    """What this worker holds of a deployment, and what it let go, with the reasons; the latest first."""
    endpoint = work.state.current.endpoint(work.tenant, work.name)
    if endpoint is None:
        raise not_found()
    held = work.state.residency
    versions = {ref.sha256: number for number, ref in endpoint.versions.items()}
    copies = [
        {"version": number, **{k: v for k, v in state._asdict().items() if k != "tenant"}}
        for sha256, number in versions.items()
        if (state := held.state(work.tenant, sha256)) is not None
    ]
    events = [
        {
            "version": versions[event.sha256],
            "at": event.at,
            "what": event.what,
            "why": for_tenants(event.why),
            "bytes": event.bytes,
        }
        for event in held.log.events(work.tenant)
        if event.sha256 in versions
    ]
    failures = [
        {"version": number, "why": str(getattr(failure, "message", failure))}
        for sha256, number in versions.items()
        if (failure := held.failure(work.tenant, sha256)) is not None
    ]
    return json_reply(encode_json({"copies": copies, "failures": failures, "events": events[:100]}))
