"""The data plane's core: one request as bytes in, one reply as bytes out. No sockets, no event loop.

An edge calls :meth:`Core.begin` with the head, :meth:`Core.run` with the body, drives the steps, and hands the reply
to :meth:`Core.end`, or :meth:`Core.abandon` where nobody waits for it any more.
"""

import time
from collections.abc import Callable, Mapping

from tenantry.admission import Refusal
from tenantry.errors import Internal, InvalidRequest, TenantryError
from tenantry.serving.defects import Defects
from tenantry.serving.entrances import Entrance, Entrances
from tenantry.serving.replies import JSON, Heading, Response, error_reply, refusal_reply
from tenantry.serving.routes import match
from tenantry.serving.state import State
from tenantry.serving.trace import Ids
from tenantry.serving.work import Recorder, Row, Steps, Work
from tenantry.telemetry import get_logger
from tenantry.wire import inflate

HEADINGS = 4_096
"""Most headings of replies that a core keeps ready."""
_log = get_logger("serving")
_DEFECT_HINT = "Try again; if it stays, look for 'request failed' in the server's log, and report it."


class Core:
    """Answers requests from a :class:`State`. Not for several threads at once; one event loop drives it.

    ``now``: seconds since the epoch, for keys that expire; ``clock``: monotonic seconds, for everything else.
    """

    def __init__(
        self,
        state: State,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        *,
        recorders: tuple[Recorder, ...] = (),
    ) -> None:
        self.state = state
        self.recorders = recorders
        self.unrecorded = Defects("a recorder failed; the requests are answered")
        self.now = now
        self._entrances = Entrances(state)
        self._headings: dict[tuple[str, str], Heading] = {}
        self._ids = Ids()
        self.clock = clock

    def handle(
        self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> Response:
        """Answer in one go. ``path`` is percent-decoded; header names are lower case. Never raises."""
        work = self.begin(method, path, query, headers)
        if isinstance(work, Response):
            return work
        quick = self.quick(work, body)
        if quick is not None:
            self.end(work, quick)
            return quick
        steps = self.run(work, body)
        answer = None
        while True:
            try:
                pending = steps.send(answer)
            except StopIteration as done:
                response: Response = done.value
                self.end(work, response)
                return response
            answer = None
            if isinstance(pending, Row):
                answer = pending.alone()
            elif pending is not None:
                pending.exception()  # waits; the steps see for themselves how it ended

    def begin(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        deadline: float = float("inf"),
    ) -> Work | Response:
        """Admit a request by its head alone: the work to go on with, or the reply that refuses it. Never raises.

        Key first, then the path, then the role: who has no key learns nothing of the paths. ``deadline``: the caller's
        own, by the monotonic clock.
        """
        try:
            entrance = self._entrances.find(method, path, headers, self.now)
            if entrance is None:
                if path.startswith("/v2/health/"):
                    route, _ = match(method, path)
                    if route.probe is not None:
                        return route.probe(self.state)
                entrance = self._entrances.enter(method, path, headers, self.now)
            length = headers.get(b"content-length")
            if length is not None:
                _check_length(length, entrance.body_bytes)
        except TenantryError as error:
            response = error_reply(error)
            self._identify(response, self._ids.stray_id(headers.get(b"x-request-id")))
            return response
        work = Work(self.state, entrance.route, entrance.names, entrance.tenant)
        work.method, work.query, work.headers = method, query, headers
        work.arrived = self.clock()
        work.deadline = deadline
        work.request_id = self._ids.request_id(headers.get(b"x-request-id"))
        parent = headers.get(b"traceparent")
        if parent is not None:
            work.trace = self._ids.traceparent(parent)
        refusal = self._admit(work, entrance) if entrance.route.scores else None
        return work if refusal is None else self.turned_away(work, refusal)

    def _admit(self, work: Work, entrance: Entrance) -> Refusal | None:
        """Policy, quota and a place at the gate, for scoring."""
        policy = work.policy = entrance.policy
        quota = work.quota = entrance.quota
        work.priority = policy.priority
        deadline = work.arrived + entrance.seconds
        deadline = min(deadline, work.deadline)
        work.deadline = deadline
        gate = self.state.gate
        if gate is None or not entrance.known:
            return None
        ticket = gate.enter(work.arrived, work.tenant, quota, work.name, policy, deadline=deadline)
        if isinstance(ticket, Refusal):
            return ticket
        work.ticket = ticket
        work.cost = ticket.cost
        return None

    def run(self, work: Work, body: bytes) -> Steps:
        """Answer in steps, so that a large request leaves room for others between them. Never raises."""
        try:
            encoding = work.headers.get(b"content-encoding")
            if encoding is not None:
                body = inflate(body, encoding.decode("latin-1"), self.state.limits.body_bytes)
            work.body = body
            handler = work.route.handler
            if handler is None:
                return error_reply(Internal("internal", "the route has no handler"))
            result: Response | Steps = handler(work)
            return result if isinstance(result, Response) else (yield from result)
        except Exception as error:  # noqa: BLE001 — the last net: logged, answered 500, and the worker goes on
            return _failed(work, error)

    def quick(self, work: Work, body: bytes) -> Response | None:
        """The reply, where the route has a short way and the request is fit for it; None: :meth:`run` it.

        Never raises.
        """
        quick = work.route.quick
        work.body = body
        if quick is None or b"content-encoding" in work.headers:
            return None
        try:
            return quick(work)
        except Exception as error:  # noqa: BLE001 — as in run
            return _failed(work, error)

    def end(self, work: Work, response: Response, now: float | None = None) -> None:
        """Give back what the work held, complete the reply's headers, and tell the recorders. ``now``: by the clock, if
        it is known.
        """
        if now is None:
            now = self.clock()
        work.finished = now
        status = work.status = response.status
        self._release(work, now, work.busy if status == 200 else None)
        self._sign(work, response)
        if work.route.scores:
            try:
                for recorder in self.recorders:
                    recorder.finished(work)
            except Exception as error:  # noqa: BLE001 — whatever it is, the reply goes out
                self._record_rest(recorder, error, lambda later: later.finished(work))

    def _sign(self, work: Work, response: Response) -> None:
        """Say in the reply's headers who answered by which rule, and which request this was."""
        if work.version:
            if response.heading is JSON:
                signature = (work.version, work.rule)
                response.heading = self._headings.get(signature) or self._heading(signature)
            else:
                response.headers.append((b"x-tenantry-version", work.version.encode()))
                response.headers.append((b"x-tenantry-rule", work.rule.encode()))
        self._identify(response, work.request_id)
        if work.trace:
            response.headers.append((b"traceparent", work.trace.encode()))

    def _identify(self, response: Response, request_id: str) -> None:
        if response.heading is None:
            response.headers.append((b"x-request-id", request_id.encode("latin-1")))
        else:
            response.request_id = request_id.encode("latin-1")

    def _heading(self, signature: tuple[str, str]) -> Heading:
        """What every JSON reply of one version by one rule has for headers."""
        if len(self._headings) >= HEADINGS:
            self._headings.clear()
        version, rule = signature
        heading = self._headings[signature] = Heading(
            *JSON.pairs, (b"x-tenantry-version", version.encode()), (b"x-tenantry-rule", rule.encode())
        )
        return heading

    def abandon(self, work: Work) -> None:
        """The caller went away before its answer: give back what the work held, and record nothing."""
        self._release(work, self.clock(), None)

    def _release(self, work: Work, now: float, service: float | None) -> None:
        if work.leased is not None:
            self.state.residency.release(work.leased)
            work.leased = None
        gate = self.state.gate
        if work.ticket is not None and gate is not None:
            gate.leave(work.ticket, now, service=service, rows=work.rows)
            work.ticket = None

    def compare(self, work: Work, copy: Work, rollout: str, response: Response) -> None:
        """The end of a shadow: its reply is dropped, and how it compares is told to the recorders."""
        copy.finished = self.clock()
        copy.status = response.status
        self._release(copy, copy.finished, None)
        try:
            for recorder in self.recorders:
                recorder.shadowed(work, copy, rollout)
        except Exception as error:  # noqa: BLE001 — as in end
            self._record_rest(recorder, error, lambda later: later.shadowed(work, copy, rollout))

    def _record_rest(self, failed: Recorder, error: Exception, tell: Callable[[Recorder], None]) -> None:
        """A recorder has failed: say so, and tell those that come after it."""
        self.unrecorded.tell(error, type(failed).__name__)
        for recorder in self.recorders[self.recorders.index(failed) + 1 :]:
            try:
                tell(recorder)
            except Exception as another:  # noqa: BLE001 — as in end
                self.unrecorded.tell(another, type(recorder).__name__)

    def turned_away(self, work: Work, refusal: Refusal) -> Response:
        """The reply to work that admission refuses, now or while it waited; ends it."""
        work.code = refusal.reason.code
        response = refusal_reply(refusal)
        self.end(work, response)
        return response

    def refused(self, work: Work, error: TenantryError) -> Response:
        """The reply to work that will not be run; ends it."""
        work.code = error.code
        response = error_reply(error)
        self.end(work, response)
        return response


def _failed(work: Work, error: Exception) -> Response:
    if isinstance(error, TenantryError):
        work.code = error.code
        return error_reply(error)
    work.code = "internal"
    _log.error("request failed", method=work.method, model=work.name, tenant=work.tenant, exc_info=error)
    return error_reply(
        Internal("internal", "the scoring service has met a defect of its own", hint=_DEFECT_HINT)
    )


def _check_length(length: bytes, limit: int) -> None:
    """Raises ``InvalidRequest("body_too_large")``."""
    if len(length) > 18 or not length.isdigit() or int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> InvalidRequest:
    """The error for a body that is over the limit."""
    return InvalidRequest("body_too_large", f"the body is over {limit:,} bytes", details={"limit": limit})
