"""The training worker: claims jobs one after another, and does each in a process group of its own.

Several may run on one home folder. A worker that is killed takes its work down with it (the task's stdin
ends), and its job is taken over by any other worker when the lease has run out. Where the job is cancelled or
lost, the group is killed.
"""

import argparse
import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, cast

import msgspec

from tenantry import telemetry
from tenantry.app.services import Services, open_services
from tenantry.app.task import Done, Failed, Message, Order, Progress
from tenantry.errors import TenantryError
from tenantry.ports.jobs import FINAL_STATES, Claim, Job, retry_delay
from tenantry.settings import Settings, load_settings
from tenantry.tenancy import TenantId
from tenantry.workflows import TRAIN

OnProgress = Callable[[str, float, str], None]
"""(stage, progress 0–1, detail)."""

KINDS = (TRAIN,)
TASK = (sys.executable, "-P", "-m", "tenantry.app.task")
"""The command that does one job's work, and speaks as ``app.task`` does."""
_EXPIRE_SECONDS = 1.0
_DISPATCH_SECONDS = 20.0
_TIDY_SECONDS = 3600.0
KEEP_JOBS_SECONDS = 30 * 24 * 3600.0
"""Finished jobs and their events are kept for thirty days."""
_REPORT_SECONDS = 0.2
_decoder = msgspec.json.Decoder(Message)
_log = telemetry.get_logger("tenantry.work")


def worker_name() -> str:
    """A name that no other worker has, on any machine."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"


class Worker:
    """One worker over one installation; ``owner`` must be unique to it; ``command`` does the work; to set
    ``stopping`` is the same as :meth:`stop`.
    """

    def __init__(
        self,
        services: Services,
        owner: str | None = None,
        *,
        command: Sequence[str] = TASK,
        stopping: threading.Event | None = None,
    ) -> None:
        self._command = tuple(command)
        self._services = services
        self._settings = services.settings
        self._owner = owner or worker_name()
        self._stopping = stopping or threading.Event()

    def stop(self) -> None:
        """Let :meth:`run` end soon: the work at hand is given back to the queue. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Claim and do jobs until :meth:`stop`; take back jobs of dead workers; enqueue what schedules ask
        for.

        A store that does not answer is tried again for as long as it takes.
        """
        rounds = (
            _Round(_EXPIRE_SECONDS, self._take_back),
            _Round(_DISPATCH_SECONDS, self._services.jobs.dispatch_due),
            _Round(_TIDY_SECONDS, self._tidy),
        )
        quiet = 0
        while not self._stopping.is_set():
            try:
                for errand in rounds:
                    errand.go(time.monotonic())
                claim = self._services.jobs.claim(self._owner, KINDS, self._settings.lease_seconds)
                if claim is not None:
                    self.perform(claim)
                    continue
                quiet = 0
            except TenantryError as error:
                if not error.transient:
                    raise
                quiet += 1
                _log.error("worker waits", code=error.code, reason=error.message)
                self._stopping.wait(retry_delay(quiet, base=0.5, limit=30.0))
            self._stopping.wait(self._settings.poll_seconds)

    def _take_back(self) -> None:
        for job in self._services.jobs.expire():
            _log.warning("job taken back", job=job.id, tenant=job.tenant, state=job.state)

    def _tidy(self) -> None:
        jobs = self._services.jobs.prune(self._services.clock.now() - KEEP_JOBS_SECONDS)
        files = self._services.blobs.sweep()
        if jobs or files:
            _log.info("tidied", jobs=jobs, temporary_files=files)

    def run_job(self, tenant: TenantId, job_id: str, on_progress: OnProgress | None = None) -> Job:
        """See one job through to its end, in the foreground: done here where it is free, watched where
        another worker has it. Returns the job in its final state. An interrupt (Ctrl-C) cancels the job.
        """
        jobs = self._services.jobs
        seen = 0
        claim: Claim | None = None
        try:
            while True:
                claim = jobs.claim_job(self._owner, tenant, job_id, self._settings.lease_seconds)
                if claim is not None:
                    self.perform(claim, on_progress)
                for event in jobs.events(tenant, job_id, seen):
                    seen = event.seq
                    if claim is None and on_progress is not None:
                        on_progress(event.stage, event.progress, event.detail)
                job = jobs.get(tenant, job_id)
                if job.state in FINAL_STATES:
                    return job
                jobs.expire()
                time.sleep(self._settings.poll_seconds)
        except KeyboardInterrupt:
            jobs.cancel(tenant, job_id)
            if claim is not None:
                jobs.stop(claim)
            raise

    def perform(self, claim: Claim, on_progress: OnProgress | None = None) -> None:
        """Do a claimed job, and write how it ended."""
        task = _Task(self._command, claim, self._settings)
        try:
            ending = self._follow(task, claim, on_progress)
        finally:
            task.kill()
        self._conclude(claim, ending, task.code)

    def _follow(self, task: "_Task", claim: Claim, on_progress: OnProgress | None) -> Message | None:
        """Pass messages on and keep the lease until the task ends; None where it ended without a word, a
        ``Progress`` where it was stopped here.
        """
        jobs = self._services.jobs
        beat = claim.lease_seconds / 3
        beat_at = time.monotonic() + beat
        reported: tuple[str, float] | None = None
        while True:
            try:
                message = task.messages.get(timeout=max(0.0, min(beat_at - time.monotonic(), 0.25)))
            except queue.Empty:
                message = None
            else:
                if not isinstance(message, Progress):
                    return message
            now = time.monotonic()
            if self._stopping.is_set():
                return _STOPPED
            mine = True
            if message is not None:
                if on_progress is not None:
                    on_progress(message.stage, message.progress, message.detail)
                # Every report is a durable event: a new stage always, else a few a second.
                if reported is None or reported[0] != message.stage or now - reported[1] >= _REPORT_SECONDS:
                    mine = jobs.report(claim, message.stage, message.progress, message.detail)
                    reported, beat_at = (message.stage, now), now + beat
            if now >= beat_at:
                mine = jobs.heartbeat(claim)
                beat_at = now + beat
            if not mine:
                return _LOST

    def _conclude(self, claim: Claim, ending: Message | None, code: int | None) -> None:
        jobs = self._services.jobs
        job, attempt = claim.job, claim.attempt
        if ending is _LOST:
            written = jobs.stop(claim)
        elif ending is _STOPPED:
            written = jobs.release(claim)
        elif isinstance(ending, Done):
            written = jobs.succeed(claim, ending.result)
        elif isinstance(ending, Failed):
            written = jobs.fail(claim, ending.error, retry_delay(attempt) if ending.transient else None)
        else:
            error = TenantryError("job_crashed", f"the job's process ended with {_cause(code)} and no result")
            written = jobs.fail(claim, error.as_dict(), retry_delay(attempt))
        if not written and ending is not _LOST:
            jobs.stop(claim)
        _log.info(
            "job ended", job=job.id, tenant=job.tenant, attempt=attempt, ending=_word(ending), written=written
        )


class _Round:
    """An errand that falls due again and again."""

    def __init__(self, seconds: float, errand: Callable[[], object]) -> None:
        self._seconds, self._errand, self._due = seconds, errand, 0.0

    def go(self, now: float) -> None:
        if now >= self._due:
            self._due = now + self._seconds
            self._errand()


_STOPPED = Progress(stage="stopped", progress=0.0, detail="")
_LOST = Progress(stage="lost", progress=0.0, detail="")


def _word(ending: Message | None) -> str:
    if isinstance(ending, Progress):
        return ending.stage
    if ending is None:
        return "crashed"
    return "done" if isinstance(ending, Done) else str(ending.error.get("code"))


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


class _Task:
    """A running ``app.task``, in a session and process group of its own."""

    def __init__(self, command: Sequence[str], claim: Claim, settings: Settings) -> None:
        self.messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(  # noqa: S603 (this product's own module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        overrides = {
            "home": str(settings.home),
            "database_url": settings.database_url,
            "log_level": settings.log_level,
            "log_format": settings.log_format,
        }
        # Both are pipes, as asked for above.
        self._stdin = cast("IO[bytes]", self._process.stdin)
        stdout = cast("IO[bytes]", self._process.stdout)
        order = Order(claim=claim, settings=overrides)
        try:
            self._stdin.write(msgspec.json.encode(order) + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            # It died before it read anything; the reader sees the end and says so.
            _log.error("task died at its start", job=claim.job.id)
        threading.Thread(target=self._read, args=(stdout,), daemon=True).start()

    @property
    def code(self) -> int | None:
        """How the process ended; negative for a signal."""
        return self._process.returncode

    def _read(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                try:
                    self.messages.put(_decoder.decode(line))
                except msgspec.MsgspecError:
                    _log.warning("task wrote no message", line=line[:200].decode(errors="replace"))
        self._process.wait()
        self.messages.put(None)

    def kill(self) -> None:
        """End the whole group, and wait until the process is gone. No error where it is gone already."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a training worker until SIGTERM or SIGINT: ``python -m tenantry.app.work [--home FOLDER]``."""
    parser = argparse.ArgumentParser(prog="tenantry.app.work", description="a training worker")
    parser.add_argument("--home", help="the home folder (default: TENANTRY_HOME)")
    home = parser.parse_args(arguments).home
    stopping = threading.Event()

    def leave(*_: object) -> None:
        stopping.set()
        sys.exit(0)

    # Before anything is opened, which may take its time, and for ever where a database does not answer: who is asked
    # to stop by then ends well, and at once.
    _on_stop(leave)
    settings = load_settings(overrides={"home": home})
    telemetry.configure(settings.log_level, settings.log_format)
    services = open_services(settings)
    _on_stop(lambda *_: stopping.set())
    _log.info("training worker started", home=str(settings.home))
    try:
        Worker(services, stopping=stopping).run()
    finally:
        services.close()


def _on_stop(act: Callable[..., None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, act)


if __name__ == "__main__":
    main()
