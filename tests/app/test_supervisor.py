"""The supervisor: sockets, restarts, facts, stops. Children are small scripts, for speed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantry.app.children import FIRST_PAUSE, Child
from tenantry.app.supervisor import Supervisor
from tenantry.errors import Conflict, Unavailable

SERVE = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
listening = socket.socket(fileno=int(sys.argv[1]))
while True:
    caller, _ = listening.accept()
    caller.sendall(str(os.getpid()).encode())
    caller.close()
"""
DIE = "raise SystemExit(3)"
DEAF = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1:]:
    pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
"""Touches the file that it is given once it is deaf."""


def child(name: str, code: str, *arguments: str) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments))


def ask(url: str) -> int:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        return int(caller.recv(100) or b"0")


def eventually(supervisor: Supervisor, what: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        supervisor.step()
        time.sleep(0.01)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    running: list[Supervisor] = []

    def start(*children: Child, **rest: float) -> Supervisor:
        supervisor = Supervisor(tmp_path, {"data": ("127.0.0.1", 0)}, children, **rest)
        supervisor.start()
        running.append(supervisor)
        return supervisor

    yield start
    for supervisor in running:
        supervisor.stop()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A killed orphan may wait as a zombie for an init that is slow to reap.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def kill(pid: int) -> None:
    """Kill, and wait until it is dead: a dying process may still take a caller with it."""
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 20
    while not gone(pid):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_facts_say_where_the_server_is(started: Callable[..., Supervisor]) -> None:
    supervisor = started(child("a", SERVE, "{fd:data}"))
    facts = json.loads(supervisor.facts.read_text())
    assert facts["pid"] == os.getpid()
    assert facts["data_url"] == supervisor.urls["data"]
    assert facts["processes"] == supervisor.pids
    assert ask(facts["data_url"]) == supervisor.pids["a"]
    supervisor.stop()
    assert not supervisor.facts.exists()
    assert gone(facts["processes"]["a"])


def test_a_dead_childs_callers_are_served_by_its_sibling(started: Callable[..., Supervisor]) -> None:
    supervisor = started(child("a", SERVE, "{fd:data}"), child("b", SERVE, "{fd:data}"))
    pids = dict(supervisor.pids)
    ask(supervisor.urls["data"])
    kill(pids["a"])
    for _ in range(20):  # nobody has restarted anything yet
        assert ask(supervisor.urls["data"]) != 0
    eventually(supervisor, lambda: supervisor.pids.get("a", pids["a"]) != pids["a"])
    assert supervisor.pids["b"] == pids["b"]
    assert json.loads(supervisor.facts.read_text())["processes"] == supervisor.pids


def test_connections_wait_while_the_only_child_is_replaced(started: Callable[..., Supervisor]) -> None:
    supervisor = started(child("a", SERVE, "{fd:data}"))
    first = ask(supervisor.urls["data"])
    kill(first)
    host, _, port = supervisor.urls["data"].removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        eventually(supervisor, lambda: supervisor.pids.get("a", first) != first)
        assert int(caller.recv(100)) == supervisor.pids["a"]


def test_a_child_that_keeps_dying_is_started_with_growing_pauses(started: Callable[..., Supervisor]) -> None:
    supervisor = started(child("a", DIE))
    one = supervisor._children[0]
    pauses = []
    for _ in range(3):
        eventually(supervisor, lambda: one.process is None)
        pauses.append(one.pause)
        eventually(supervisor, lambda: one.process is not None)
    assert pauses == [2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]


def test_a_child_that_did_start_is_started_again_at_once_however_often_it_dies(
    started: Callable[..., Supervisor],
) -> None:
    supervisor = started(child("a", SERVE, "{fd:data}"))
    one = supervisor._children[0]
    for _ in range(5):
        before = supervisor.pids["a"]
        one.started -= 4.0  # as if it had served for four seconds
        kill(before)
        eventually(supervisor, lambda: one.process is None)
        assert one.due - time.monotonic() <= 0.1
        eventually(supervisor, lambda: one.process is not None)


def test_what_the_disk_or_the_system_refuses_is_tried_later_and_stops_no_child(
    started: Callable[..., Supervisor], tmp_path: Path
) -> None:
    command = tmp_path / "python"
    command.symlink_to(sys.executable)
    fleeting = Child("b", (str(command), "-c", DEAF))
    supervisor = started(child("a", SERVE, "{fd:data}"), fleeting)
    first = supervisor.pids
    command.unlink()  # no process can be made of it
    in_the_way = supervisor.facts.with_suffix(".new")
    in_the_way.mkdir()  # and the facts cannot be written
    kill(first["b"])
    eventually(supervisor, lambda: "b" not in supervisor.pids)
    for _ in range(20):
        supervisor.step()
        time.sleep(0.01)
    assert ask(supervisor.urls["data"]) == first["a"]
    assert json.loads(supervisor.facts.read_text())["processes"] == first
    command.symlink_to(sys.executable)
    in_the_way.rmdir()
    eventually(supervisor, lambda: "b" in supervisor.pids)
    eventually(supervisor, lambda: json.loads(supervisor.facts.read_text())["processes"] == supervisor.pids)


LOG_FULL = """
import sys
from pathlib import Path
from tenantry.app.children import Child
from tenantry.app.supervisor import Supervisor
from tenantry.telemetry import configure
configure("info")
sys.stderr = open("/dev/full", "w", buffering=1)
supervisor = Supervisor(Path(sys.argv[1]), {}, [Child("a", (sys.executable, "-c", "raise SystemExit(3)"))])
sys.exit(supervisor.run(lambda s: print("up", flush=True)))
"""


def test_a_full_disk_under_the_log_ends_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LOG_FULL, str(tmp_path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            time.sleep(0.5)  # the child dies a few times, and each is said
            assert process.poll() is None
        finally:
            process.terminate()


def test_who_connects_to_a_stopping_server_is_refused_and_need_not_wait(
    started: Callable[..., Supervisor], tmp_path: Path
) -> None:
    supervisor = started(child("a", DEAF, str(tmp_path / "deaf")), grace_seconds=1.0)
    host, _, port = supervisor.urls["data"].removeprefix("http://").rpartition(":")
    eventually(supervisor, (tmp_path / "deaf").exists)
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    time.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
    assert stopping.is_alive()
    stopping.join()


def test_children_may_have_as_many_files_open_as_the_edge_has_connections(
    started: Callable[..., Supervisor],
) -> None:
    supervisor = started(child("a", DEAF))
    limits = Path(f"/proc/{supervisor.pids['a']}/limits").read_text()
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert int(soft) >= min(int(hard), 65_536)


def test_a_secure_socket_is_told_with_its_scheme(tmp_path: Path) -> None:
    listen = {"data": ("127.0.0.1", 0), "control": ("127.0.0.1", 0)}
    supervisor = Supervisor(tmp_path, listen, [], secure=("data",))
    supervisor.start()
    try:
        facts = json.loads(supervisor.facts.read_text())
        assert facts["data_url"].startswith("https://127.0.0.1:")
        assert facts["control_url"].startswith("http://127.0.0.1:")
    finally:
        supervisor.stop()


def test_a_port_that_another_server_of_the_same_user_shares_is_taken(tmp_path: Path) -> None:
    first = Supervisor(tmp_path / "a", {}, [], reserve={"grpc": ("127.0.0.1", 0)})
    first.start()
    try:
        host, _, port = first.urls["grpc"].rpartition(":")
        second = Supervisor(tmp_path / "b", {}, [], reserve={"grpc": (host, int(port))})
        with pytest.raises(Unavailable) as caught:
            second.start()
        assert caught.value.code == "port_taken"
    finally:
        first.stop()
    second.start()
    assert second.urls["grpc"] == f"{host}:{port}"
    second.stop()


def test_a_child_gets_only_the_sockets_that_it_names(tmp_path: Path) -> None:
    listen = {"data": ("127.0.0.1", 0), "control": ("127.0.0.1", 0)}
    supervisor = Supervisor(
        tmp_path, listen, [child("a", SERVE, "{fd:data}"), child("b", SERVE, "{fd:control}")]
    )
    supervisor.start()
    try:
        pids = supervisor.pids
        assert {name: ask(supervisor.urls[name]) for name in listen} == {
            "data": pids["a"],
            "control": pids["b"],
        }
        sockets = [path.readlink() for path in Path(f"/proc/{pids['a']}/fd").iterdir()]
        assert sum(str(path).startswith("socket:") for path in sockets) == 1
    finally:
        supervisor.stop()


def test_a_deaf_child_is_killed_after_the_grace(started: Callable[..., Supervisor], tmp_path: Path) -> None:
    supervisor = started(child("a", DEAF, str(tmp_path / "deaf")), grace_seconds=0.3)
    pid = supervisor.pids["a"]
    eventually(supervisor, (tmp_path / "deaf").exists)
    begun = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun >= 0.3
    assert gone(pid)


def test_a_home_folder_takes_one_server(started: Callable[..., Supervisor], tmp_path: Path) -> None:
    first = started(child("a", SERVE, "{fd:data}"))
    with pytest.raises(Conflict) as caught:
        Supervisor(tmp_path, {}, []).start()
    assert caught.value.code == "already_running"
    assert first.facts.exists()
    first.stop()
    second = Supervisor(tmp_path, {}, [])
    second.start()
    second.stop()


def test_a_taken_port_is_named_and_the_home_folder_stays_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
        with pytest.raises(Unavailable) as caught:
            Supervisor(tmp_path, {"data": address}, []).start()
        assert caught.value.code == "port_taken"
        assert str(address[1]) in caught.value.message
    free = Supervisor(tmp_path, {"data": address}, [])
    free.start()
    free.stop()


def test_a_command_that_does_not_exist_leaves_nothing_behind(tmp_path: Path) -> None:
    supervisor = Supervisor(
        tmp_path, {"data": ("127.0.0.1", 0)}, [child("a", DEAF), Child("b", ("/no/such",))]
    )
    with pytest.raises(FileNotFoundError):
        supervisor.start()
    assert supervisor.pids == {}
    assert not supervisor.facts.exists()
    free = Supervisor(tmp_path, {}, [])
    free.start()
    free.stop()


RUN = """
import sys
from pathlib import Path
from tenantry.app.children import Child
from tenantry.app.supervisor import Supervisor
from tenantry.telemetry import configure
configure("warning")
serve = (sys.executable, "-c", sys.argv[2], "{fd:data}")
supervisor = Supervisor(Path(sys.argv[1]), {"data": ("127.0.0.1", 0)}, [Child("a", serve), Child("b", serve)])
sys.exit(supervisor.run(lambda s: print(s.urls["data"], *s.pids.values(), flush=True)))
"""


def run_apart(home: Path) -> tuple[subprocess.Popen[str], str, list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(home), SERVE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url, *pids = process.stdout.readline().split()
    return process, url, [int(pid) for pid in pids]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all(tmp_path: Path, number: signal.Signals) -> None:
    process, url, pids = run_apart(tmp_path)
    with process:
        assert ask(url) in pids
        process.send_signal(number)
        assert process.wait(20) == 0
    assert all(gone(pid) for pid in pids)
    assert not (tmp_path / "run" / "server.json").exists()


def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    process, url, pids = run_apart(tmp_path)
    with process:
        assert ask(url) in pids
        process.kill()
        process.wait(20)
        until = time.monotonic() + 20
        while not all(gone(pid) for pid in pids):
            assert time.monotonic() < until
            time.sleep(0.02)
    # The home folder is free again, whatever the dead one left behind.
    second = Supervisor(tmp_path, {}, [])
    second.start()
    second.stop()
