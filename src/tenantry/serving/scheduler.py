"""Runs admitted work on one event loop, in fair order, in short slices (B15, C8, C9).

While nothing waits, work runs as it is read, for a fraction of a millisecond a turn of the loop. What the loop reads
after that is queued before any more of it runs, so that the order is the queue's (class, fair share between tenants,
deadline) and not that of the sockets. A slice ends after about a millisecond, and the loop reads again: who comes late
is still seen in time, and what cannot be served is refused early. Rows for one
model that wait at the same time are scored together where that model is faster so; none ever waits for company.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from time import perf_counter
from typing import Any

from tenantry.admission import PASSED, FairQueue, Gate, Refusal
from tenantry.routing import Decision
from tenantry.serving.core import Core
from tenantry.serving.replies import Response
from tenantry.serving.shadows import SHADOW_SECONDS, Shadows
from tenantry.serving.tasks import SHADOW_PRIORITY, Task, batch_of, fair_queue, score_together
from tenantry.serving.work import Row, Work

SLICE_SECONDS = 0.001
YIELDING = 20.0
"""Seconds of others' arrivals that go before work's next step, for each second that it has taken …"""
SHORT_SECONDS = 0.005
"""… beyond these. What is soon done is done in its turn: were it to wait again after each step, it would be late."""
LEAST_COST = 1e-5
"""Seconds that a further step is taken to cost at least."""
AT_ONCE_SECONDS = 0.0005
"""How long work may run as it is read, in one turn of the loop, while nothing waits."""


class Scheduler:
    """Drives a core's work. All calls on the event loop's thread. The gate's queue, if there is one, is its queue."""

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop) -> None:
        self._core = core
        self._loop = loop
        self._gate: Gate[Any] | None = core.state.gate
        self._queue: FairQueue[Task] = fair_queue() if self._gate is None else self._gate.queue
        self._called = False
        self._fresh = False  # whether the end of this turn of the loop will be told
        self._at_once = 0.0  # seconds of work that ran in this turn of the loop without waiting in the queue
        self._shadows = Shadows()
        self._awaiting: set[Work] = set()  # what waits for cold models
        self.batches = 0
        self.batched_rows = 0

    def __len__(self) -> int:
        """Requests that wait for their turn."""
        return len(self._queue)

    @property
    def waiting_for_models(self) -> int:
        """Requests that wait for a cold model."""
        return len(self._awaiting)

    @property
    def shadows_dropped(self) -> int:
        """Shadows that were not run."""
        return self._shadows.dropped

    def submit(self, work: Work, body: bytes, done: Callable[[Response], None]) -> None:
        """Queue work; ``done`` gets the reply, later, on the loop."""
        work.body = body
        work.queued = True
        if (
            self._at_once < AT_ONCE_SECONDS
            and not self._called
            and (not work.state.batched or batch_of(work) is None)
        ):
            self._run_at_once(work, done)
            return
        # By the time that it has to be begun; what begins later would be late, and only take others' time.
        start_by = work.deadline if work.ticket is None else work.ticket.start_by
        self._push(Task(work, done), work.priority, start_by)
        gate = self._gate
        if gate is not None and gate.crowded:
            dropped = self._queue.shed()
            if dropped is not None:
                self._refuse(dropped, gate.shed())

    def _run_at_once(self, work: Work, done: Callable[[Response], None]) -> None:
        """Work that finds nobody waiting needs no queue; for so long a turn of the loop, then the queue takes over."""
        if not self._fresh:
            self._fresh = True
            self._loop.call_soon(self._turn_over)
        core = self._core
        begun = core.clock()
        response = core.quick(work, work.body)
        if response is None:
            self._step_at_once(Task(work, done))
            self._at_once += core.clock() - begun
            return
        now = core.clock()
        work.busy = now - begun
        self._at_once += work.busy
        core.end(work, response, now)
        done(response)
        if work.decision is not None and work.decision.shadows:
            self._shadow(work, work.decision, response)

    def _step_at_once(self, task: Task) -> None:
        """The same for work that takes steps; the first ones."""
        work = task.work
        if work.ticket is not None and self._gate is not None:
            self._gate.began(work.ticket)
        work.steps = self._core.run(work, work.body)
        row = self._advance(task)
        if row is not None:
            self._together(task, row, self._core.clock())

    def _turn_over(self) -> None:
        """The loop begins to read anew."""
        self._fresh = False
        self._at_once = 0.0

    def abandon(self, work: Work) -> None:
        """Nobody waits for this work any more: what of it has not run yet will not."""
        if not work.queued:
            self._core.abandon(work)
        work.abandoned = True

    def _push(self, task: Task, priority: int, deadline: float, rank: float | None = None) -> None:
        work = task.work
        self._queue.push(
            task,
            tenant=work.tenant,
            weight=work.quota.weight,
            priority=priority,
            cost=work.cost,
            deadline=deadline,
            batch=batch_of(work),
            rank=rank,
        )
        if not self._called:
            self._called = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._called = False
        queue = self._queue
        clock = self._core.clock
        now = clock()
        until = now + SLICE_SECONDS
        try:
            while now < until:
                task = queue.pop(now)
                if task is None:
                    break
                self._turn(task, now)
                now = clock()
            for late in queue.expired(now):
                self._late(late)
        finally:  # whatever one request has met, the others have their turn
            if len(queue) and not self._called:
                self._called = True
                self._loop.call_soon(self._drain)

    def _turn(self, task: Task, now: float) -> None:
        """A task that the queue gave: run its next step, unless it has become pointless."""
        work = task.work
        if work.abandoned:
            self._drop(task)
        elif work.deadline <= now:
            self._late(task)
        else:
            if work.ticket is not None and self._gate is not None:
                self._gate.began(work.ticket)
            row = self._advance(task)
            if row is not None:
                self._together(task, row, now)

    def _advance(self, task: Task, answer: Any = None) -> Row | None:
        """Run work to its next pause or its end; the row to score, if that is what it pauses for."""
        work = task.work
        steps = work.steps
        begun = perf_counter()
        if steps is None:
            response = self._core.quick(work, work.body)
            if response is not None:
                self._charge(task, perf_counter() - begun)
                self._finish(task, response)
                return None
            steps = work.steps = self._core.run(work, work.body)
        try:
            pending = steps.send(answer)
        except StopIteration as stop:
            self._charge(task, perf_counter() - begun)
            self._finish(task, stop.value)
            return None
        self._charge(task, perf_counter() - begun)
        if pending is None:
            self._again(task)
        elif isinstance(pending, Row):
            return pending
        else:
            self._await(task, pending)
        return None

    def _await(self, task: Task, model: Future[Any]) -> None:
        """Wait for a cold model, up to the deadline; its load goes on for others."""
        work, loop = task.work, self._loop
        self._awaiting.add(work)
        left = work.deadline - self._core.clock()
        timer = loop.call_later(left, self._overdue, task) if left < inf else None

        def loaded(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(self._resume, task, timer)

        model.add_done_callback(loaded)

    def _charge(self, task: Task, seconds: float) -> None:
        """Tenants pay for what their work took, not for what it was thought to take."""
        work = task.work
        work.busy += seconds
        if len(self._queue):
            priority = SHADOW_PRIORITY if task.primary is not None else work.priority
            self._queue.charge(work.tenant, priority=priority, seconds=seconds - work.cost)
        work.cost = max(LEAST_COST, work.cost - seconds)  # what is left, should it wait again

    def _resume(self, task: Task, timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
        if task.work in self._awaiting:
            self._awaiting.remove(task.work)
            self._again(task)

    def _overdue(self, task: Task) -> None:
        if task.work in self._awaiting:
            self._awaiting.remove(task.work)
            self._late(task)

    def _again(self, task: Task) -> None:
        """Queue the next step of work. At its first place it would go before all that came later, and hold up short
        requests for a long one; behind all of them it would be late, and what it has done wasted. So each second
        that it has taken, but for the first moments, puts it behind what came in the next few: a long one yields, a
        short one is finished first. A shadow waits as one that comes now, and no longer.
        """
        work = task.work
        priority, deadline = work.priority, work.deadline
        place = deadline if work.ticket is None else work.ticket.start_by
        if task.primary is not None:
            priority, place = SHADOW_PRIORITY, self._core.clock() + SHADOW_SECONDS
            deadline = min(deadline, place)
        elif place == inf:
            place = self._core.clock() + work.policy.deadline_ms / 1000.0
        place += YIELDING * max(0.0, work.busy - SHORT_SECONDS)
        self._push(task, priority, deadline, place)

    def _together(self, task: Task, row: Row, now: float) -> None:
        """Score a row, and with it those that wait for the same model."""
        rows = [(task, row)]
        key = batch_of(task.work)
        if key is not None:
            for other in self._queue.take(key, row.model.plan.batch - 1):
                if other.work.abandoned or other.work.deadline <= now:
                    self._turn(other, now)
                    continue
                if other.work.ticket is not None and self._gate is not None:
                    self._gate.began(other.work.ticket)
                its = self._advance(other)
                if its is not None:
                    rows.append((other, its))
        same = [pair for pair in rows if pair[1].model is row.model]
        self.batches += 1
        self.batched_rows += len(same)
        begun = perf_counter()
        outcomes = score_together([its for _, its in same])
        share = (perf_counter() - begun) / len(same)
        for (scored, _), outcome in zip(same, outcomes, strict=True):
            scored.work.busy += share
            self._advance(scored, outcome)
        for left, its in rows:
            if its.model is not row.model:
                self._advance(left, its.alone())

    def _finish(self, task: Task, response: Response) -> None:
        work = task.work
        if task.primary is not None:
            self._shadows.give_back(task.primary)
            self._core.compare(task.primary, work, task.rollout, response)
            return
        self._core.end(work, response)
        if task.done is not None:
            task.done(response)
        if work.decision is not None and work.decision.shadows:
            self._shadow(work, work.decision, response)

    def _shadow(self, work: Work, decision: Decision, response: Response) -> None:
        """Queue a copy for each shadow of work that went well."""
        if response.status != 200:
            return
        for target, rule, rollout in decision.shadows:
            if self._shadows.take(work):
                copy = work.shadow(target, rule)
                copy.arrived = self._core.clock()
                self._push(Task(copy, None, work, rollout), SHADOW_PRIORITY, SHADOW_SECONDS + copy.arrived)

    def _drop(self, task: Task) -> None:
        """Work that nobody waits for."""
        if task.work.steps is not None:
            task.work.steps.close()
        if task.primary is not None:
            self._shadows.give_back(task.primary)
            self._shadows.dropped += 1
        self._core.abandon(task.work)

    def _late(self, task: Task) -> None:
        """The deadline has passed while the work waited."""
        gate, ticket = self._gate, task.work.ticket
        self._refuse(task, Refusal(PASSED, 0.0) if gate is None or ticket is None else gate.passed(ticket))

    def _refuse(self, task: Task, refusal: Refusal) -> None:
        if task.primary is not None or task.work.abandoned:
            self._drop(task)
            return
        if task.work.steps is not None:
            task.work.steps.close()
        response = self._core.turned_away(task.work, refusal)
        if task.done is not None:
            task.done(response)


def settle(future: "asyncio.Future[Response]") -> Callable[[Response], None]:
    """A ``done`` that settles a future which may have been cancelled meanwhile."""

    def done(response: Response) -> None:
        if not future.done():
            future.set_result(response)

    return done
