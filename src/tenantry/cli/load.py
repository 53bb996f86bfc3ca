"""What ``tenantry load`` does around the load itself: whom to ask, what to send, and what to show."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from tenantry.app.recorded import recorded_log
from tenantry.cli.connect import scoring_url
from tenantry.cli.load_options import Content
from tenantry.cli.session import Session
from tenantry.cli.show import counted, pairs, table
from tenantry.cli.spans import seconds_of
from tenantry.errors import InvalidRequest, Unauthenticated, Unavailable
from tenantry.loadtest import (
    PATHS,
    Call,
    Change,
    KeyLine,
    Latency,
    Recorded,
    Report,
    Requests,
    Stage,
    Target,
    ask,
    assemble,
    bodies,
    calls_of,
    inputs_of,
    random_records,
    read_keys,
    read_log,
    read_records,
    replay,
    targets_of,
)
from tenantry.loadtest.bodies import POOL
from tenantry.loadtest.report import Part
from tenantry.routing import load_current
from tenantry.tenancy import TenantId


class Aim(NamedTuple):
    """A server, and the tenants and models to ask."""

    url: str
    targets: list[Target]


def aim(session: Session, where: str | None, keys: Path | None, model: str | None, ca: str | None) -> Aim:
    """The server and the targets: from the keys that were given, else of the home folder. Without ``where``, the
    server that was named for all commands is meant, else the one on the home folder.

    Raises ``InvalidRequest("load_url")``, ``InvalidRequest("load_targets")``, ``Unavailable("load_unreachable")``,
    ``Unauthenticated``.
    """
    if where is None and session.settings.server is not None:
        where = scoring_url(session.settings.server, session.settings, None if ca is None else Path(ca))
    is_url = where is not None and "://" in where
    home = Path(where) if where is not None and not is_url else session.settings.home
    url = where if is_url and where is not None else _running(home)
    if keys is not None:
        targets = targets_of(url, read_keys(keys), ca)
    elif session.settings.key is not None:
        tenant = session.settings.tenant or ""
        line = KeyLine(key=session.settings.key, tenant=tenant, acting=bool(tenant))
        targets = targets_of(url, [line], ca)
    elif is_url:
        raise Unauthenticated(
            "unauthenticated",
            "an address needs keys",
            hint="Give --keys FILE, or --key and where wanted --tenant.",
        )
    else:
        targets = _all_of(home, session.tenant_if_any)
    chosen = [target for target in targets if model is None or target.model == model]
    if chosen:
        ask(url, [("/v2/health/live", chosen[0])], ca)
    else:
        raise InvalidRequest(
            "load_targets", "no tenant has such a model" if model else "no tenant has a model"
        )
    return Aim(url, chosen)


def requests_of(
    session: Session, aim: Aim, content: Content, ca: str | None
) -> tuple[Requests, Recorded | None]:
    """What is sent: the recorded log, the given records, or random ones by each model's inputs."""
    path = PATHS[content.protocol]
    since = float(seconds_of("--since", content.since))
    if content.replay is not None:
        if content.speed <= 0:
            raise InvalidRequest("load_shape", "the speed must be above 0")
        calls = _recorded(aim, content.replay, since)
        return replay(aim.url, calls, aim.targets, speed=content.speed)
    if content.rows < 1:
        raise InvalidRequest("load_shape", "a request holds at least 1 row")
    given = read_records(content.records) if content.records is not None else None
    if given is not None and content.protocol == "predict":
        same = bodies(given, rows=content.rows, pool=len(given))
        return assemble(aim.url, [(target, same) for target in aim.targets], path=path), None
    if not session.json:
        session.note(f"asking for the inputs of {counted(len(aim.targets), 'model')}")
    found = inputs_of(aim.url, aim.targets, ca)
    made: dict[object, list[bytes]] = {}
    # All records of a file, unless there would be as many tensors for each of many kinds of models.
    pool = POOL if given is None else max(POOL, len(given) // len(set(found)))
    for inputs in found:
        if inputs not in made:
            rows = given if given is not None else random_records(inputs, POOL * min(content.rows, 20))
            made[inputs] = bodies(
                rows, protocol=content.protocol, rows=content.rows, inputs=inputs, pool=pool
            )
    pairs_ = [(target, made[inputs]) for target, inputs in zip(aim.targets, found, strict=True)]
    return assemble(aim.url, pairs_, path=path), None


def _recorded(aim: Aim, where: Path, since: float) -> list[Call]:
    """The requests of a file in JSON lines, or of a home folder's inference log of the last ``since`` seconds."""
    if not where.is_dir():
        return read_log(where)
    log, begin = recorded_log(where), time.time() - since
    pairs_ = {(target.tenant, target.model) for target in aim.targets}
    calls = calls_of(
        one for tenant, model in sorted(pairs_) for one in log.read(TenantId(tenant), model, begin)
    )
    if not calls:
        raise InvalidRequest("load_replay", f"the inference log of {where} has no such requests of that time")
    return calls


def _running(home: Path) -> str:
    """The scoring API of the server that runs on a home folder."""
    facts = home / "run" / "server.json"
    try:
        return str(json.loads(facts.read_text())["data_url"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable("load_unreachable", f"no server runs on the home folder {home}") from error


def _all_of(home: Path, only: TenantId | None) -> list[Target]:
    """Every model that the home folder publishes, asked with its operator key."""
    published = load_current(home / "endpoints")
    if published is None:
        raise InvalidRequest("load_targets", f"nothing is published in {home}")
    try:
        key = (home / "operator.key").read_text().strip()
    except OSError as error:
        raise Unauthenticated(
            "unauthenticated", f"the operator key of {home} cannot be read", hint="Give --keys FILE or --key."
        ) from error
    return [
        Target(tenant=tenant, model=name, key=key, acting=True)
        for tenant, endpoints in published.endpoints.items()
        if only in (None, tenant)
        for name in endpoints
    ]


def progress(session: Session) -> Callable[[Stage], None]:
    """One line on stderr as each stage ends."""

    def told(stage: Stage) -> None:
        if not session.json:
            session.note(f"{_name(stage)}: {stage.throughput:,.0f} answers/s, {_brief(stage.latency)}")

    return told


def show(console: Console, report: Report, changes: Sequence[Change], cautions: Sequence[str]) -> None:
    """The report for people."""
    for number, stage in enumerate(report.stages):
        console.print(
            f"\n[bold]{_name(stage)}[/bold], {stage.seconds:g} s, {counted(report.targets, 'target')}"
        )
        pairs(console, _figures(stage, report.deadline_ms))
        _parts(console, "tenant", stage.tenants)
        if stage.groups:
            _parts(console, "class", stage.groups)
        rows = [
            (c.objective, c.shown, "met" if c.met else "BREACH") for c in report.checks if c.stage == number
        ]
        if rows:
            table(console, ("objective", "measured", "verdict"), rows)
        compared = [(c.figure, c.text) for c in changes if c.stage == number]
        if compared:
            table(console, ("against the baseline", "verdict"), compared)
    if report.checks and len(report.stages) > 1:
        best = "none" if report.best_rate is None else f"{report.best_rate:,.0f}/s"
        console.print(f"highest rate that kept every objective: {best}")
    for note in (*report.notes, *(f"the comparison may mislead: {said}" for said in cautions)):
        console.print(f"note: {note}", markup=False)


def _name(stage: Stage) -> str:
    if stage.shape == "closed":
        return f"closed loop, {stage.connections:,} callers"
    return f"{stage.shape}, {stage.offered:,.0f} requests/s"


def _figures(stage: Stage, deadline_ms: float | None) -> list[tuple[str, str]]:
    within = "" if deadline_ms is None else f" within {deadline_ms:g} ms"
    rows = [
        ("requests", f"{stage.requests:,}"),
        ("answers", f"{stage.throughput:,.1f}/s"),
        ("goodput", f"{stage.goodput:,.1f}/s, {100 * stage.in_time:.2f} % of requests{within}"),
        ("latency", _latency(stage.latency)),
        ("errors", f"{100 * stage.errors:.3g} %"),
    ]
    for outcome in stage.outcomes:
        if not 200 <= outcome.status < 300:
            name = f"{outcome.status} {outcome.code}".strip() if outcome.status else outcome.code
            rows.append(("", f"{outcome.count:,} × {name}"))
    if stage.refusals is not None:
        rows.append(("refusals", _latency(stage.refusals)))
    if stage.retry_after is not None:
        waits = stage.retry_after
        rows.append(("Retry-After", f"{waits.least:g} – {waits.most:g} s, median {waits.median:g}"))
    for name, counts in (("versions", stage.versions), ("rules", stage.rules)):
        if counts:
            rows.append((name, ", ".join(f"{one.name} × {one.count:,}" for one in counts)))
    rows.append(
        ("send lag p99", f"{stage.send_lag_p99_ms:.2f} ms; generator {stage.generator_cores:.2f} cores")
    )
    return rows


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return "–"
    named = (("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999))
    return ", ".join(f"{name} {value:.2f}" for name, value in named) + f", max {latency.max:.2f} ms"


def _brief(latency: Latency | None) -> str:
    return "no answer" if latency is None else f"p50 {latency.p50:.2f} ms, p99 {latency.p99:.2f} ms"


def _parts(console: Console, what: str, parts: Sequence[Part]) -> None:
    if len(parts) < 2:
        return
    rows = [
        (
            part.name,
            f"{part.requests:,}",
            f"{part.errors:,}",
            f"{100 * part.in_time:.2f} %",
            "–" if part.p50_ms is None else f"{part.p50_ms:.2f}",
            "–" if part.p99_ms is None else f"{part.p99_ms:.2f}",
        )
        for part in parts
    ]
    table(console, (what, "requests", "errors", "in time", "p50 ms", "p99 ms"), rows)
