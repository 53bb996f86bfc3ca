"""What the control process does by itself, beside answering: keeps rollouts and the inference log going, and makes sure
that the endpoint table says what the records say.

Only one process of a home folder does it at a time; while the one before still ends, the next waits for its lock. A
keeper that fails is logged and tried again, later each time, and holds up neither the others nor the API.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tenantry import telemetry
from tenantry.app.services import Services
from tenantry.deployments.rollouts_keeper import RolloutKeeper
from tenantry.ports.jobs import retry_delay

STEP_SECONDS = 1.0
RECONCILE_SECONDS = 30.0
"""How long a change may stay unpublished whose process was killed before it could publish."""
LOCK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

_log = telemetry.get_logger("tenantry.keepers")
Stopping = Callable[[], bool]


class Keeper(NamedTuple):
    """Something to be done again and again, every so many ``seconds``. ``step`` is given what says that it should end
    early."""

    name: str
    seconds: float
    step: Callable[[Stopping], object]


class Keepers:
    """Runs each line of keepers in a thread of its own, in turn, while it holds the lock of ``path``."""

    def __init__(self, path: Path, lines: Sequence[Sequence[Keeper]]) -> None:
        self._path = path
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(line,), name=line[0].name, daemon=True) for line in lines
        ]
        self._guard = threading.Thread(target=self._guarded, name="keepers", daemon=True)

    def start(self) -> None:
        """Begin, as soon as no other process keeps this home."""
        self._guard.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all to end, and wait for them."""
        self._stop.set()
        self._guard.join(seconds)

    def _guarded(self) -> None:
        with self._alone() as alone:
            if not alone:
                return
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the lock for as long as the block; False where it was time to stop before it was free."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not self._stop.is_set():
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                self._stop.wait(LOCK_SECONDS)
            yield not self._stop.is_set()
        finally:
            os.close(handle)

    def _run(self, line: Sequence[Keeper]) -> None:
        due = dict.fromkeys(line, 0.0)
        failures = dict.fromkeys(line, 0)
        while not self._stop.is_set():
            for keeper in line:
                if not self._stop.is_set() and due[keeper] <= time.monotonic():
                    failures[keeper] = 0 if self._stepped(keeper) else failures[keeper] + 1
                    pause = _pause(keeper.seconds, failures[keeper])
                    due[keeper] = time.monotonic() + pause
            self._stop.wait(max(0.01, min(due.values()) - time.monotonic()))

    def _stepped(self, keeper: Keeper) -> bool:
        try:
            keeper.step(self._stop.is_set)
        except Exception:  # noqa: BLE001 - whatever is wrong with one keeper, the others go on, and it is tried again
            _log.exception("keeper failed", keeper=keeper.name)
            return False
        return True


def keepers(services: Services) -> Keepers:
    """The keepers of an installation, not started."""
    home = services.settings.home
    rollouts = RolloutKeeper(
        services.rollouts, services.registry, services.publisher, services.clock, home / "spool"
    )
    publisher = services.publisher
    return Keepers(
        services.settings.run / "keepers.lock",
        (
            (Keeper("rollouts", STEP_SECONDS, lambda _: rollouts.step()),),
            (Keeper("reconcile", RECONCILE_SECONDS, lambda _: publisher.publish()),),
            (Keeper("inference log", STEP_SECONDS, _log_step(services)),),
        ),
    )


def _log_step(services: Services) -> Callable[[Stopping], object]:
    """A step of the inference log's keeper, which is made with the first."""
    made: list[Callable[[Stopping], object]] = []

    def step(stopping: Stopping) -> object:
        if not made:
            # Imported here, in the keeper's thread: Arrow's files take longer than the rest of the process's start.
            from tenantry.adapters.arrow import ParquetLogFiles  # noqa: PLC0415
            from tenantry.predictions import LogKeeper, Retention  # noqa: PLC0415

            home, retention = services.settings.home, Retention(days=services.settings.log_days)
            keeper = LogKeeper(home / "spool", home / "predictions", ParquetLogFiles(), retention)
            made.append(keeper.step)
        return made[0](stopping)

    return step


def _pause(seconds: float, failures: int) -> float:
    if not failures:
        return seconds
    return max(seconds, retry_delay(failures, base=1.0, limit=LONGEST_PAUSE_SECONDS))
