"""What the control process keeps going by itself."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.workflows.installation import ACME, open_home

from tenantry.access import Role, digest_of
from tenantry.app import keepers as module
from tenantry.app.keepers import Keeper, Keepers, keepers
from tenantry.routing import load_current


def _until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


class Counter:
    """A step that counts, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.calls: list[float] = []
        self._failures = failures

    def __call__(self, stopping: Callable[[], bool]) -> None:
        assert not stopping()
        self.calls.append(time.monotonic())
        if len(self.calls) <= self._failures:
            raise RuntimeError("as told")


def test_each_keeper_has_its_own_pace_and_a_failing_one_holds_up_nobody(tmp_path: Path) -> None:
    quick, slow, failing = Counter(), Counter(), Counter(failures=10**9)
    line = (Keeper("quick", 0.01, quick), Keeper("slow", 30.0, slow), Keeper("failing", 0.01, failing))
    kept = Keepers(tmp_path / "run" / "lock", [line])
    kept.start()
    assert _until(lambda: len(quick.calls) >= 40)
    kept.stop()
    assert len(slow.calls) == 1
    assert 1 <= len(failing.calls) <= 3  # after each failure it waits longer
    calls = len(quick.calls)
    time.sleep(0.1)
    assert len(quick.calls) == calls


def test_a_keeper_that_failed_once_goes_on(tmp_path: Path) -> None:
    once = Counter(failures=1)
    kept = Keepers(tmp_path / "lock", [(Keeper("once", 0.01, once),)])
    kept.start()
    assert _until(lambda: len(once.calls) >= 5)
    kept.stop()


def test_a_long_step_holds_up_no_other_line(tmp_path: Path) -> None:
    over = threading.Event()
    quick = Counter()
    lines = [(Keeper("long", 1.0, lambda _: over.wait(30)),), (Keeper("quick", 0.01, quick),)]
    kept = Keepers(tmp_path / "lock", lines)
    kept.start()
    assert _until(lambda: len(quick.calls) >= 5)
    over.set()
    kept.stop()


def test_of_two_processes_one_keeps_and_the_other_takes_over(tmp_path: Path) -> None:
    first, second = Counter(), Counter()
    one = Keepers(tmp_path / "lock", [(Keeper("one", 0.01, first),)])
    two = Keepers(tmp_path / "lock", [(Keeper("two", 0.01, second),)])
    one.start()
    assert _until(lambda: bool(first.calls))
    two.start()
    time.sleep(0.1)
    assert second.calls == []
    one.stop()
    assert _until(lambda: bool(second.calls))
    two.stop()
    three = Keepers(tmp_path / "lock", [(Keeper("three", 0.01, first),)])
    three.start()
    three.stop()  # at once, and it ends


def test_a_change_that_nobody_published_is_published_by_the_reconcile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONCILE_SECONDS", 0.05)
    services = open_home(tmp_path, ACME)
    services.publisher.publish()
    kept = keepers(services)
    kept.start()
    # As by a process that was killed between its commit and its publish.
    other = open_home(tmp_path)
    key, secret = other.directory.create_key(ACME, Role.SCORER)

    def known() -> bool:
        table = load_current(services.settings.endpoints)
        return table is not None and digest_of(secret) in table.keys

    assert _until(known)
    other.directory.revoke(ACME, key.id)
    assert _until(lambda: not known())
    kept.stop()
    assert (tmp_path / "run" / "keepers.lock").exists()
    other.close()
    services.close()
