"""The training worker, with a scripted task in place of a training: what happens to the job, and to the
processes.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tenantry.app.services import Services, open_services
from tenantry.app.work import Worker
from tenantry.ports.jobs import Job, Schedule
from tenantry.settings import load_settings
from tenantry.tenancy import tenant_id

ACME, BETA = tenant_id("acme"), tenant_id("beta")
SCRIPTED = (sys.executable, str(Path(__file__).parent / "scripted_task.py"))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    overrides = {
        "home": str(tmp_path / "home"),
        "log_level": "error",
        "lease_seconds": "1",
        "poll_seconds": "0.02",
    }
    opened = open_services(load_settings({}, overrides=overrides))
    for tenant in (ACME, BETA):
        opened.directory.create_tenant(tenant)
    yield opened
    opened.close()


def _queue(services: Services, *steps: list[Any], tenant: Any = ACME) -> Job:
    return services.jobs.enqueue(tenant, "train", {"steps": list(steps)})


def _worker(services: Services) -> Worker:
    return Worker(services, command=SCRIPTED)


@pytest.fixture
def running(services: Services) -> Iterator[Worker]:
    worker = _worker(services)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield worker
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()


def _wait(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_is_done_and_its_stages_are_told(services: Services) -> None:
    job = _queue(
        services, ["progress", "ingest", 0.1], ["noise"], ["progress", "learn", 0.5], ["done", {"version": 1}]
    )
    seen: list[tuple[str, float, str]] = []
    ended = _worker(services).run_job(
        ACME, job.id, lambda stage, progress, detail: seen.append((stage, progress, detail))
    )
    assert (ended.state, ended.result, ended.attempt) == ("succeeded", {"version": 1}, 1)
    assert seen == [("ingest", 0.1, ""), ("learn", 0.5, "")]
    stages = [event.stage for event in services.jobs.events(ACME, job.id)]
    assert "ingest" in stages
    assert "learn" in stages


def test_a_terminal_error_fails_the_job_at_once_with_its_code(services: Services) -> None:
    job = _queue(services, ["fail", "target_missing", False])
    ended = _worker(services).run_job(ACME, job.id)
    assert ended.state == "failed"
    assert ended.attempt == 1
    assert ended.error is not None
    assert ended.error["code"] == "target_missing"


def test_a_transient_error_is_tried_again(services: Services, tmp_path: Path) -> None:
    job = _queue(services, ["once", str(tmp_path / "first"), ["fail", "database_busy", True]], ["done", {}])
    ended = _worker(services).run_job(ACME, job.id)
    assert (ended.state, ended.attempt) == ("succeeded", 2)


def test_a_crashed_task_is_tried_again_and_in_the_end_failed_with_its_signal(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenantry.app.work.retry_delay", lambda *_args, **_options: 0.05)
    job = _queue(services, ["kill"])
    ended = _worker(services).run_job(ACME, job.id)
    assert (ended.state, ended.attempt) == ("failed", ended.max_attempts)
    assert ended.error is not None
    assert ended.error["code"] == "job_crashed"
    assert "SIGKILL" in ended.error["error"]


def test_a_long_job_keeps_its_lease(services: Services, running: Worker) -> None:
    job = _queue(services, ["sleep", 2.5], ["done", {}])
    ended = _wait(lambda: (found := services.jobs.get(ACME, job.id)).state == "succeeded" and found)
    assert ended.attempt == 1


def test_cancel_kills_the_whole_process_group(services: Services, running: Worker, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    job = _queue(services, ["child", str(pids)], ["sleep", 600])
    found = [int(pid) for pid in _wait(lambda: pids.exists() and pids.read_text()).split()]
    services.jobs.cancel(ACME, job.id)
    _wait(lambda: services.jobs.get(ACME, job.id).state == "cancelled")
    _wait(lambda: not any(map(_alive, found)))


def test_a_stopped_worker_gives_its_job_back(services: Services, tmp_path: Path) -> None:
    restarts = [tmp_path / f"start-{number}" for number in range(4)]
    steps = [["once", str(path), ["sleep", 600]] for path in restarts]
    job = _queue(services, *steps, ["done", {}])
    for path in restarts:
        worker = _worker(services)
        thread = threading.Thread(target=worker.run)
        thread.start()
        _wait(path.exists)
        worker.stop()
        thread.join(20)
        back = services.jobs.get(ACME, job.id)
        assert (back.state, back.max_attempts - back.attempt) == ("queued", job.max_attempts)
    assert _worker(services).run_job(ACME, job.id).state == "succeeded"


OPENS_SLOWLY = """
import sys, time
from tenantry.app import work
opened = work.open_services
def open_slowly(settings):
    print("opening", flush=True)
    time.sleep(0.5)
    return opened(settings)
work.open_services = open_slowly
work.main(["--home", sys.argv[1]])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_while_it_opens_its_installation_ends_well(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OPENS_SLOWLY, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"opening\n"
        process.send_signal(number)
        assert process.wait(30) == 0


def test_a_worker_whose_database_does_not_answer_can_be_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"postgresql+psycopg://u:p@127.0.0.1:{silent.getsockname()[1]}/d"
        with subprocess.Popen(
            [sys.executable, "-m", "tenantry.app.work", "--home", str(tmp_path)],
            env=os.environ | {"TENANTRY_DATABASE_URL": url},
            stderr=subprocess.DEVNULL,
        ) as process:
            caller, _ = silent.accept()
            with caller:
                process.send_signal(signal.SIGTERM)
                try:
                    assert process.wait(10) == 0
                finally:
                    process.kill()


def test_another_worker_takes_over_a_killed_ones_job_once_and_the_orphans_die(
    services: Services, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    first = ["once", str(tmp_path / "first"), ["child", str(pids)]]
    job = _queue(services, first, ["once", str(tmp_path / "second"), ["sleep", 600]], ["done", {}])
    script = (
        "import sys; from tenantry.app.work import *; "
        f"settings = load_settings({{}}, overrides={{'home': {str(services.settings.home)!r}, 'lease_seconds': '1'}}); "
        f"Worker(open_services(settings), command={SCRIPTED!r}).run()"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        found = [int(pid) for pid in _wait(lambda: pids.exists() and pids.read_text()).split()]
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    _wait(lambda: not any(map(_alive, found)))
    assert services.jobs.get(ACME, job.id).state == "running"
    ended = _worker(services).run_job(ACME, job.id)
    assert (ended.state, ended.attempt) == ("succeeded", 2)


def test_an_interrupt_in_the_foreground_cancels_the_job(services: Services, tmp_path: Path) -> None:
    job = _queue(services, ["progress", "learn", 0.5], ["sleep", 600])

    def interrupt(*_step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _worker(services).run_job(ACME, job.id, interrupt)
    assert services.jobs.get(ACME, job.id).state == "cancelled"


def test_a_job_that_another_worker_has_is_watched_to_its_end(services: Services, running: Worker) -> None:
    job = _queue(services, ["progress", "learn", 0.5], ["sleep", 0.5], ["done", {"version": 2}])
    _wait(lambda: services.jobs.get(ACME, job.id).state == "running")
    seen: list[str] = []
    ended = _worker(services).run_job(ACME, job.id, lambda stage, *_rest: seen.append(stage))
    assert ended.result == {"version": 2}
    assert "learn" in seen


def test_one_tenants_jobs_run_one_after_another_and_another_tenant_does_not_wait_for_all(
    services: Services, running: Worker
) -> None:
    mine = [_queue(services, ["done", {}]) for _ in range(3)]
    other = _queue(services, ["done", {}], tenant=BETA)
    _wait(lambda: all(services.jobs.get(ACME, job.id).state == "succeeded" for job in mine))
    finished = [services.jobs.get(ACME, job.id).finished for job in mine]
    assert (services.jobs.get(BETA, other.id).finished or 0.0) < (finished[2] or 0.0)


def test_a_schedule_becomes_a_job(services: Services, tmp_path: Path) -> None:
    class Later:
        def now(self) -> float:
            return time.time() + 120

    services.jobs.put_schedule(
        Schedule(
            tenant=ACME, name="nightly", kind="train", payload={"steps": [["done", {}]]}, every_seconds=60
        )
    )
    late = open_services(services.settings, clock=Later())
    worker = _worker(late)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        _wait(lambda: [job for job in services.jobs.list(ACME) if job.state == "succeeded"])
    finally:
        worker.stop()
        thread.join(20)
        late.close()
