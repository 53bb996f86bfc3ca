"""``tenantry load``: drive a scoring API, report, and judge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, Session, UsageError
from tenantry.cli.spans import seconds_of

if TYPE_CHECKING:
    from tenantry.loadtest import Report

Arrivals = Literal["poisson", "constant"]
Protocol = Literal["predict", "v2"]


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(load)


def load(  # noqa: PLR0913 — a load test has many sides, each an option of its own
    where: str | None = None,
    /,
    *,
    session: Injected,
    rate: Annotated[
        str | None, Parameter(help="Requests a second: one rate, or a ramp such as 100,200,400.")
    ] = None,
    connections: Annotated[
        int | None, Parameter(help="Callers that wait for each answer (a closed loop), instead of --rate.")
    ] = None,
    replay: Annotated[
        Path | None,
        Parameter(
            help="Recorded requests to send again: a home folder, for its inference log, or JSON lines with time,"
            " tenant, deployment and body."
        ),
    ] = None,
    since: Annotated[str, Parameter(help="How far back an inference log is replayed.")] = "1d",
    speed: Annotated[float, Parameter(help="How many times as fast the log is replayed.")] = 1.0,
    arrivals: Annotated[Arrivals, Parameter(help="Gaps between requests: random, or all alike.")] = "poisson",
    duration: Annotated[str, Parameter(help="Length of each stage, such as 10s or 5m.")] = "10s",
    warmup: Annotated[str, Parameter(help="Time before that which does not count.")] = "2s",
    timeout: Annotated[str, Parameter(help="When a request is given up.")] = "10s",
    deadline_ms: Annotated[
        float | None, Parameter(help="An answer after this many milliseconds is no goodput.")
    ] = None,
    zipf: Annotated[
        float, Parameter(help="Skew of the traffic over tenants and models, in their order; 0 is none.")
    ] = 1.0,
    keys: Annotated[
        Path | None,
        Parameter(help="CSV of keys: key, and where wanted tenant, model, acting, class, header:NAME."),
    ] = None,
    model: Annotated[str | None, Parameter(help="Only the models of this name.")] = None,
    records: Annotated[
        Path | None,
        Parameter(help="Records to send (CSV or JSON lines); else random ones that the models allow."),
    ] = None,
    rows: Annotated[int, Parameter(help="Records in each request.")] = 1,
    protocol: Annotated[
        Protocol, Parameter(help="POST /predict/NAME, or the Open Inference Protocol's infer.")
    ] = "predict",
    processes: Annotated[int, Parameter(help="Processes that send; more where one is not enough.")] = 1,
    slo: Annotated[
        str | None,
        Parameter(help="Objectives, such as p99=50ms,errors=0.1%,goodput=99%; a breach is status 1."),
    ] = None,
    junit: Annotated[Path | None, Parameter(help="Write the verdict as JUnit XML.")] = None,
    save: Annotated[Path | None, Parameter(help="Keep the report, for --compare.")] = None,
    compare: Annotated[
        Path | None, Parameter(help="Say what changed since a report that --save kept.")
    ] = None,
    fail_if_worse: Annotated[
        bool,
        Parameter(negative="", help="With --compare: a change for the worse beyond the noise is status 1."),
    ] = False,
    seed: Annotated[int, Parameter(help="The same seed makes the same traffic.")] = 0,
    ca: Annotated[
        Path | None,
        Parameter(help="Certificates to trust for an https:// address. [else TENANTRY_TLS_CERTIFICATE]"),
    ] = None,
) -> int:
    """Load a scoring API as its callers would, and say whether it keeps its objectives.

    Without keys, the tenants and models of the home folder are asked, its operator key acting for each tenant.
    Latency counts from the moment at which a request was due, so that a slow server cannot hide behind a
    generator that waits for it. Exit status: 0 all objectives met, 1 a breach.

    Parameters
    ----------
    where
        The scoring API's address, or a home folder on which a server runs; by default the home folder's.
    """
    # Imported here: help and wrong usage do without an event loop and NumPy.
    from tenantry import loadtest  # noqa: PLC0415
    from tenantry.cli import load as work  # noqa: PLC0415

    shape, rates = _shape(rate, connections, replay, arrivals)
    if fail_if_worse and compare is None:
        raise UsageError("--fail-if-worse takes --compare")
    lengths = [
        float(seconds_of(option, text))
        for option, text in (("--warmup", warmup), ("--duration", duration), ("--timeout", timeout))
    ]
    objectives = loadtest.read_objectives(slo) if slo else ()
    baseline = loadtest.load_baseline(compare) if compare else None
    trusted = ca or session.settings.tls_certificate
    ca_file = None if trusted is None else str(trusted)
    aim = work.aim(session, where, keys, model, ca_file)
    content = work.Content(records, rows, protocol, replay, speed, float(seconds_of("--since", since)))
    requests, recorded = work.requests_of(session, aim, content, ca_file)
    traffic = loadtest.Load(
        url=aim.url,
        requests=requests,
        shape=shape,
        rates=rates,
        connections=loadtest.MAX_CONNECTIONS if connections is None else connections,
        exponent=zipf,
        warmup=lengths[0],
        duration=lengths[1],
        timeout=lengths[2],
        deadline_ms=deadline_ms,
        processes=processes,
        seed=seed,
        recorded=recorded,
        ca=ca_file,
    )
    report = loadtest.load_test(traffic, objectives, on_stage=work.progress(session))
    changes = loadtest.compare(baseline, report) if baseline else ()
    cautions = loadtest.cautions(baseline, report) if baseline else ()
    if save is not None:
        loadtest.save(report, save)
    if junit is not None:
        loadtest.write_junit(report, junit, changes if fail_if_worse else ())
    answer = {"met": report.met, "report": report, "changes": changes, "cautions": cautions}
    session.emit(answer, lambda: work.show(session.out, report, changes, cautions))
    worse = fail_if_worse and any(change.verdict == "worse" for change in changes)
    return _status(session, report, worse=worse)


def _shape(
    rate: str | None, connections: int | None, replay: Path | None, arrivals: Arrivals
) -> tuple[Literal["poisson", "constant", "closed", "replay"], tuple[float, ...]]:
    """The kind of traffic and its rates; 100 requests a second unless something is said."""
    if replay is not None:
        if rate is not None or connections is not None:
            raise UsageError(
                "--replay has its own pace: leave --rate and --connections out, and take --speed"
            )
        return "replay", (1.0,)
    if rate is None:
        return ("closed", (1.0,)) if connections is not None else (arrivals, (100.0,))
    if connections is not None:
        raise UsageError("give --rate (an open loop) or --connections (a closed one), not both")
    try:
        return arrivals, tuple(float(part) for part in rate.split(","))
    except ValueError:
        raise UsageError(f"--rate {rate!r} is no number and no list such as 100,200,400") from None


def _status(session: Session, report: "Report", *, worse: bool) -> int:
    if not any(stage.throughput for stage in report.stages):
        session.note("no request was answered")
        return 1
    return 0 if report.met and not worse else 1
