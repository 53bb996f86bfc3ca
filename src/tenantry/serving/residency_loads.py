"""Loading models: each once however many ask, in the loader's thread, with a pause after a failure."""

import hashlib
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tenantry.errors import Corrupt, Internal, TenantryError, Unavailable, Unsupported
from tenantry.routing import VersionRef
from tenantry.serving.eviction import Key
from tenantry.serving.models import Model
from tenantry.serving.ports import Runtime
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

FIRST_PAUSE = 1.0
"""Seconds for which a file that could not be opened is not tried again; doubled with each further failure."""
LONGEST_PAUSE = 60.0
FAILURES_KEPT = 4_096
PAGE = 4_096
CROWD = 8
"""With more models than this to load, the loader rests after each as long as the load took: who waits for one of many
waits a little longer, and those whose models are in memory do not feel it.
"""
LONGEST_REST = 0.01
BOOKKEEPING_BYTES = 260
"""Per model, beside its own objects: its key, its places in a dictionary and in the ranking's heap."""

_log = get_logger("serving.models")


class Loading(NamedTuple):
    """A load under way, which all who ask for the model wait for."""

    future: Future[Model]
    since: float
    size: int


class Loads:
    """``adopt`` takes each model into the books. All methods belong to the event loop's thread, which keeps the books,
    but for :meth:`read`, :meth:`run` and :meth:`later`.
    """

    def __init__(
        self,
        home: Path,
        runtimes: Mapping[str, Runtime],
        loader: Executor,
        now: Callable[[], float],
        adopt: Callable[[Key, Model], None],
    ) -> None:
        self.loading: dict[Key, Loading] = {}
        self.failures = Failures()
        self.failed = 0
        self.ready: Mapping[Key, Model] = {}
        """Models that were opened for another reason and are on their way into the books."""
        self._home = home
        self._runtimes = runtimes
        self._loader = loader
        self._now = now
        self._adopt = adopt
        self._arrivals: deque[Callable[[], None]] = deque()

    def start(self, key: Key, ref: VersionRef) -> Future[Model]:
        """The future of the load under way, or of one begun now; one that failed already, within its pause."""
        loading = self.loading.get(key)
        if loading is not None:
            return loading.future
        now = self._now()
        failure = self.failures.recent(key, now)
        if failure is not None:
            return done(failure)
        future: Future[Model] = Future()
        # Running from the start: one waiter that gives up must not cancel it for the others.
        future.set_running_or_notify_cancel()
        self.loading[key] = Loading(future, now, ref.size)
        self.run(self._load, key, ref, future)
        return future

    def settle(self) -> None:
        """Take up what the loader has done since."""
        arrivals = self._arrivals
        while arrivals:
            arrivals.popleft()()

    def later(self, step: Callable[[], None]) -> None:
        """Have the books take a step when they are next settled."""
        self._arrivals.append(step)

    def run(self, job: Callable[..., None], *arguments: Any) -> Future[None]:
        """Do ``job`` in the loader's thread, after what is waiting there. A defect in it is logged."""
        future = self._loader.submit(job, *arguments)
        future.add_done_callback(_report)
        return future

    def read(self, key: Key, ref: VersionRef) -> Model:
        """Read and open a model, timed. Raises as :func:`read_model` does."""
        started = self._now()
        model = read_model(self._home, self._runtimes, key[0], ref)
        model.seconds = self._now() - started
        return model

    def _load(self, key: Key, ref: VersionRef, future: Future[Model]) -> None:
        try:
            model = self.ready.get(key) or self.read(key, ref)
        except BaseException as error:  # noqa: BLE001 — whatever it is, those who wait must hear of it
            self.later(partial(self._refuse, key, fresh(error)))
            future.set_exception(error)
        else:
            self.later(partial(self._arrive, key, model))
            future.set_result(model)
            if len(self.loading) > CROWD:
                time.sleep(min(model.seconds, LONGEST_REST))

    def _arrive(self, key: Key, model: Model) -> None:
        del self.loading[key]
        self._adopt(key, model)

    def _refuse(self, key: Key, error: BaseException) -> None:
        del self.loading[key]
        self.failures.add(key, error, self._now())
        self.failed += 1


def done(result: Model | BaseException) -> Future[Model]:
    """A future that is over."""
    future: Future[Model] = Future()
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


def let_go(models: list[Model]) -> None:
    """Drop the references one by one, so that other threads may run between two."""
    while models:
        models.pop()


def _report(future: Future[None]) -> None:
    error = future.exception()
    if error is not None:
        _log.error("the loader has met a defect of its own", exc_info=error)


def read_model(home: Path, runtimes: Mapping[str, Runtime], tenant: TenantId, ref: VersionRef) -> Model:
    """Compare the file's digest, open it, and measure what it takes.

    Raises ``Unavailable("model_unavailable")`` where the file cannot be read, ``Corrupt("plan_corrupt")`` where its
    bytes are wrong, ``Unsupported`` where its runtime cannot run it here.
    """
    path = home / ref.path
    runtime = runtimes.get(ref.runtime)
    if runtime is None:
        _log.error("runtime unknown", tenant=tenant, path=str(path), runtime=ref.runtime)
        raise Unavailable("model_unavailable", f"this worker has no runtime {ref.runtime!r}")
    try:
        # Hashing lets other threads run; so do the reads.
        with path.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != ref.sha256:
            raise Corrupt("plan_corrupt", f"{path} does not have the digest {ref.sha256}")
        model = Model(runtime.open(path), runtime)
    except OSError as error:
        _log.error("plan unreadable", tenant=tenant, path=str(path), error=str(error))
        raise Unavailable("model_unavailable", "the model's plan cannot be read now") from error
    except Unsupported as error:
        _log.error("model not supported", tenant=tenant, path=str(path), error=str(error))
        raise
    except (TenantryError, ValueError, LookupError) as error:
        # The caller is told what is wrong, and only the log where the file lies.
        _log.error("plan refused", tenant=tenant, path=str(path), error=str(error))
        message = "the model's stored plan is damaged, or of another version"
        raise Corrupt("plan_corrupt", message) from error
    model.tenant = tenant
    model.sha256 = ref.sha256
    model.nbytes = measured_bytes(model)
    return model


def measured_bytes(model: Model) -> int:
    """Bytes that the model takes: the plan's, in whole pages, and the objects that no other model shares."""
    plan = model.plan
    own = sys.getsizeof(model) + sys.getsizeof(plan) + sys.getsizeof(plan.columns) + BOOKKEEPING_BYTES
    return (plan.nbytes + PAGE - 1) // PAGE * PAGE + own


class Failures:
    """Files that could not be opened: the error is told again, without a look at the file, until a pause is over."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[BaseException, float, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, key: Key, error: BaseException, now: float) -> None:
        """Remember a failure, for twice as long as the last."""
        _, _, pause = self._known.pop(key, (None, 0.0, FIRST_PAUSE / 2))
        pause = min(2 * pause, LONGEST_PAUSE)
        self._known[key] = (error, now + pause, pause)
        if len(self._known) > FAILURES_KEPT:
            del self._known[next(iter(self._known))]

    def recent(self, key: Key, now: float) -> BaseException | None:
        """A fresh copy of the error, while its pause lasts; one exception raised often would grow with each raise."""
        known = self._known.get(key)
        if known is None or now >= known[1]:
            return None
        return fresh(known[0])

    def last(self, key: Key) -> BaseException | None:
        """What was wrong at the last try, whether or not its pause is over; None once it was opened."""
        known = self._known.get(key)
        return None if known is None else known[0]

    def forget(self, key: Key) -> None:
        """It was opened after all, or nothing names it any more."""
        self._known.pop(key, None)

    def keys(self) -> list[Key]:
        """What is remembered."""
        return list(self._known)


def fresh(error: BaseException) -> BaseException:
    """The same error without the traceback and cause, which hold frames."""
    if isinstance(error, TenantryError):
        return type(error)(error.code, error.message, hint=error.hint, details=error.details)
    return Internal("internal", f"the model could not be opened: {type(error).__name__}")
