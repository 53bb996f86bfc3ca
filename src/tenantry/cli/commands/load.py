"""``tenantry load``: drive a scoring API, report, and judge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tenantry.cli.load_options import Content, Judgement, Pace
from tenantry.cli.session import Injected, Session

if TYPE_CHECKING:
    from tenantry.loadtest import Report


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(load)


def load(
    where: str | None = None,
    /,
    *,
    session: Injected,
    pace: Pace | None = None,
    content: Content | None = None,
    judgement: Judgement | None = None,
    keys: Annotated[
        Path | None,
        Parameter(help="CSV of keys: key, and where wanted tenant, model, acting, class, header:NAME."),
    ] = None,
    model: Annotated[str | None, Parameter(help="Only the models of this name.")] = None,
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
        The scoring API's address, or a home folder on which a server runs; by default that of --server, else
        the home folder's.
    """
    # Imported here: help and wrong usage do without an event loop and NumPy.
    from tenantry import loadtest  # noqa: PLC0415
    from tenantry.cli import load as work  # noqa: PLC0415

    pace, content, judgement = pace or Pace(), content or Content(), judgement or Judgement()
    shape, rates = pace.shape(replayed=content.replay is not None)
    judgement.check()
    warmup, duration, timeout = pace.lengths()
    objectives = loadtest.read_objectives(judgement.slo) if judgement.slo else ()
    baseline = loadtest.load_baseline(judgement.compare) if judgement.compare else None
    trusted = ca or session.settings.tls_certificate
    ca_file = None if trusted is None else str(trusted)
    aim = work.aim(session, where, keys, model, ca_file)
    requests, recorded = work.requests_of(session, aim, content, ca_file)
    traffic = loadtest.Load(
        url=aim.url,
        requests=requests,
        shape=shape,
        rates=rates,
        connections=loadtest.MAX_CONNECTIONS if pace.connections is None else pace.connections,
        exponent=pace.zipf,
        warmup=warmup,
        duration=duration,
        timeout=timeout,
        deadline_ms=judgement.deadline_ms,
        processes=pace.processes,
        seed=pace.seed,
        recorded=recorded,
        ca=ca_file,
    )
    report = loadtest.load_test(traffic, objectives, on_stage=work.progress(session))
    return _judge(session, report, judgement, baseline)


def _judge(session: Session, report: "Report", judgement: Judgement, baseline: "Report | None") -> int:
    """Keep and show the report; returns the exit status."""
    from tenantry import loadtest  # noqa: PLC0415
    from tenantry.cli import load as work  # noqa: PLC0415

    changes = loadtest.compare(baseline, report) if baseline else ()
    cautions = loadtest.cautions(baseline, report) if baseline else ()
    counting = changes if judgement.fail_if_worse else ()
    if judgement.save is not None:
        loadtest.save(report, judgement.save)
    if judgement.junit is not None:
        loadtest.write_junit(report, judgement.junit, counting)
    answer = {"met": report.met, "report": report, "changes": changes, "cautions": cautions}
    session.emit(answer, lambda: work.show(session.out, report, changes, cautions))
    if not any(stage.throughput for stage in report.stages):
        session.note("no request was answered")
        return 1
    return 0 if report.met and not any(change.verdict == "worse" for change in counting) else 1
