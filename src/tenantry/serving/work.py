"""One admitted request, from its head to its reply: what handlers, the scheduler and the recorders see of it."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from tenantry.admission import Policy, Quota, Ticket
from tenantry.errors import Corrupt, TenantryError, Unavailable, Unsupported
from tenantry.routing import Decision, Target
from tenantry.serving.limits import Limits
from tenantry.serving.models import Model, Outcome
from tenantry.serving.replies import Response, not_found
from tenantry.serving.state import State
from tenantry.tenancy import TenantId
from tenantry.wire import InferRequest, LateRequest, OutputTensor


class Row(NamedTuple):
    """One record to be scored by a model that is faster with several at a time."""

    model: Model
    record: dict[str, Any]

    def alone(self) -> "Outcome | Exception":
        """Its outcome without company; an error, a defect of the runtime included, is given, not raised."""
        try:
            return self.model.outcome(self.model.plan.score(self.record))
        except Exception as error:  # noqa: BLE001 — its own request is to raise it, not whoever scores the rows
            return error


class Form(Protocol):
    """An inference request that came in another form than REST's."""

    def request(self) -> tuple[InferRequest | LateRequest, memoryview]:
        """The request, and the bytes of its binary inputs in order; may be called again.

        Raises ``InvalidRequest``.
        """
        ...

    @property
    def size(self) -> int:
        """Bytes that it came in."""
        ...

    def rest(self) -> tuple[bytes, int | None]:
        """The same request as a body of REST, and the length of its JSON part where binary inputs follow.

        In any thread, once the request is answered. Raises as ``request`` does.
        """
        ...

    def reply(self, work: "Work", request_id: str | None, outputs: list[OutputTensor]) -> Response:
        """The reply in the same form."""
        ...


Pause = Future[Any] | Row | None
Steps = Generator[Pause, Any, Response]
"""Work in steps: ``yield None`` gives others their turn; ``yield future`` waits for a cold model; ``yield row`` gives
the row's outcome (or its error, to be raised), scored together with others' rows where they wait.
"""
_POLICY = Policy()
_QUOTA = Quota()

NO_PARAMETERS: Mapping[str, str] = {}


class Operation(Protocol):
    """What a request asks for; see :class:`~tenantry.serving.routes.Route`."""

    @property
    def path(self) -> str:
        """Its path, with names in braces."""
        ...

    @property
    def scores(self) -> bool:
        """Whether it goes through the gate, and is recorded."""
        ...

    @property
    def handler(self) -> "Callable[[Work], Response | Steps] | None":
        """What answers."""
        ...

    @property
    def quick(self) -> "Callable[[Work], Response | None] | None":
        """The short way of its commonest request."""
        ...


class Work:
    """``tenant`` is checked, and empty on routes about nobody's things; ``path`` holds the names in the path.

    Times are in seconds of the monotonic clock. ``version`` and ``rule`` are known once a rule has decided; ``rows``
    once the body is read; ``outcomes`` once it is scored; ``status``, ``code`` and ``finished`` at the end. ``cost`` is
    what it is thought to take, ``busy`` what it took, in seconds of work. ``form``: how the body is read, where it is
    not REST's.
    """

    __slots__ = (
        "abandoned", "arrived", "body", "busy", "code", "cost", "deadline", "decision", "finished", "form", "headers",
        "kind", "leased", "method", "name", "outcomes", "path", "policy", "priority", "query", "queued", "quota",
        "request_id", "route", "rows", "rule", "state", "status", "steps", "tenant", "ticket", "trace", "version",
    )  # fmt: skip

    def __init__(self, state: State, route: Operation, path: Mapping[str, str], tenant: TenantId) -> None:
        self.state = state
        self.route = route
        self.path = path
        self.tenant = tenant
        self.name = path.get("model", "")
        self.decision: Decision | None = None
        self.version = self.rule = ""
        self.rows = 0
        self.outcomes: list[Outcome] = []
        self.leased: Model | None = None
        self.status = 0
        self.code = ""
        self.body = b""
        self.form: Form | None = None
        self.steps: Steps | None = None
        self.ticket: Ticket | None = None
        self.policy = _POLICY
        self.quota = _QUOTA
        self.kind = ""
        self.finished = self.busy = 0.0
        self.cost = 0.0001
        self.abandoned = self.queued = False
        self.trace = ""
        self.deadline = float("inf")
        self.priority = 2
        # Set by the core for every request.
        self.method: str
        self.query: bytes
        self.headers: Mapping[bytes, bytes]
        self.request_id: str
        self.arrived: float

    @property
    def limits(self) -> Limits:
        """The worker's limits."""
        return self.state.limits

    def choose(self, requested: str | None, parameters: Mapping[str, str] = NO_PARAMETERS) -> Target:
        """The version that answers, by the rules. Raises the one ``NotFound``."""
        decision = self.decision
        if decision is None:
            endpoint = self.state.current.compiled(self.tenant, self.name)
            if endpoint is None:
                raise not_found()
            decision = endpoint.decide(requested, self.headers, parameters, self.request_id)
            if decision is None:
                raise not_found()
            self.decision = decision
        self.version = decision.target.version
        self.rule = decision.rule
        return decision.target

    def expect(self, requested: str | None) -> None:
        """Make sure, before the body is read, that there is something to choose. Raises the one ``NotFound``."""
        endpoint = self.state.current.endpoint(self.tenant, self.name)
        if endpoint is None:
            raise not_found()
        if requested and requested not in endpoint.aliases and requested not in endpoint.versions:
            raise not_found()

    @property
    def parameters(self) -> frozenset[str]:
        """The request parameters that the rules ask for."""
        table = self.state.current
        endpoint = table.endpoint(self.tenant, self.name)
        names: set[str] = set()
        for rule in (*table.rules, *(endpoint.rules if endpoint is not None else ())):
            names.update(rule.match.parameters)
            source, _, name = getattr(rule.action, "sticky", "").partition(":")
            if source == "parameter":
                names.add(name)
        return frozenset(names)

    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.deadline

    def count(self, rows: int) -> None:
        """Charge the rows of the request, once they are known. Raises ``Overloaded`` or ``Unavailable``."""
        self.rows = rows
        if self.quota.rows_per_second is None and self.policy.rows_per_second is None:
            return
        gate = self.state.gate
        if gate is not None and self.ticket is not None:
            refusal = gate.rows(time.monotonic(), self.ticket, self.quota, self.policy, rows)
            if refusal is not None:
                raise refusal.error()

    def model(self, target: Target) -> Generator[Pause, Any, Model]:
        """The chosen version's model, leased until the work ends; a fallback's where the chosen one cannot be opened.

        Raises ``Unavailable("model_unavailable")`` or ``Corrupt("plan_corrupt")``.
        """
        try:
            return (yield from self._opened(target))
        except (Corrupt, Unavailable, Unsupported) as error:
            decision = self.decision
            if decision is None or not decision.fallbacks:
                raise
            return (yield from self._fallback(decision, error))

    def _fallback(self, decision: Decision, first: TenantryError) -> Generator[Pause, Any, Model]:
        for target in decision.fallbacks:
            try:
                model = yield from self._opened(target)
            except (Corrupt, Unavailable, Unsupported):
                continue
            self.version = target.version
            self.rule = "fallback"
            return model
        raise first

    def _opened(self, target: Target) -> Generator[Pause, Any, Model]:
        residency = self.state.residency
        model = residency.find(self.tenant, target.ref)
        if model is None:
            future = residency.load(self.tenant, target.ref)
            yield future
            model = future.result()
        if self.leased is not None:
            residency.release(self.leased)
        residency.lease(model)
        self.leased = model
        if model.plan.batch > 1:
            self.state.batched.add((self.tenant, self.name))
        return model

    def shadow(self, target: Target, rule: str) -> "Work":
        """The same request for another version, whose reply nobody gets."""
        copy = Work(self.state, self.route, self.path, self.tenant)
        copy.method, copy.query, copy.headers, copy.body = self.method, self.query, self.headers, self.body
        copy.form = self.form
        copy.request_id, copy.trace = self.request_id, self.trace
        copy.policy, copy.quota = self.policy, self.quota
        copy.decision = Decision(target, rule)
        copy.kind = "shadow"
        return copy


class Recorder(Protocol):
    """Keeps something of every scoring request, in about a microsecond. One that fails costs its own record alone."""

    def finished(self, work: Work) -> None:
        """The reply is made: ``work.status``, ``.code``, ``.finished`` are set."""
        ...

    def shadowed(self, work: Work, copy: Work, rollout: str) -> None:
        """A shadow of ``work`` ended as ``copy``; both carry their outcomes."""
        ...
