"""What the soak tests of scoring share: an installation of several tenants, a real supervisor in a process of its
own, and a load whose every answer is checked against the plan that should have given it.
"""

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.serving.plans import small_plan, store_plan

from tenantry.access import digest_of
from tenantry.loadtest import Drive, Reply, Samples, Shot, Target, assemble, drive
from tenantry.plan import Plan
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef, next_number, save
from tenantry.tenancy import TenantId

TENANTS = 8
SHAPES = 12
"""Different plans of a tenant; version n has plan n modulo this."""
RECORD = {"tenure": 5, "MonthlyCharges": 80.5, "Contract": "Month-to-month", "signed": "2024-01-05"}
SUPERVISE = """
import sys
from pathlib import Path
from tenantry.app.children import scoring_worker
from tenantry.app.supervisor import Supervisor
home, workers = Path(sys.argv[1]), int(sys.argv[2])
children = [scoring_worker(home, number, "error", workers=workers) for number in range(workers)]
sys.exit(Supervisor(home, {"data": ("127.0.0.1", 0)}, children).run())
"""


class _Score(msgspec.Struct):
    score: float


class _Scores(msgspec.Struct):
    predictions: list[_Score]


_decode = msgspec.json.Decoder(_Scores).decode


def tenant(number: int) -> TenantId:
    return TenantId(f"tenant-{number}")


def key(number: int) -> str:
    return f"tnk_soak_{number}"


class Installation:
    """Tenants with a model each, whose every version scores the record differently; published by hand."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.revoked: set[int] = set()
        self._refs: list[list[VersionRef]] = []
        self._scores: list[list[float]] = []
        for number in range(TENANTS):
            plans = [small_plan(shift=0.3 * number + 0.02 * shape) for shape in range(SHAPES)]
            self._refs.append([store_plan(home, tenant(number), plan) for plan in plans])
            self._scores.append([Plan.from_bytes(plan).score(RECORD)[0] for plan in plans])

    def expected(self, number: int, version: int) -> float:
        """The score of a tenant's version."""
        return self._scores[number][version % SHAPES]

    def publish(self, version: int) -> None:
        """Make ``version`` every tenant's champion; the one before stays there to be asked for by number."""
        kept = {str(v): v for v in (version - 1, version) if v > 0}
        save(
            self.home / "endpoints",
            EndpointTable(
                number=next_number(self.home / "endpoints"),
                created=time.time(),
                keys={
                    digest_of(key(n)): KeyEntry(id=f"k{n}", role="scorer", tenant=tenant(n))
                    for n in range(TENANTS)
                    if n not in self.revoked
                },
                endpoints={
                    tenant(n): {
                        "m": Endpoint(
                            versions={text: self._refs[n][v % SHAPES] for text, v in kept.items()},
                            aliases={"champion": str(version)},
                        )
                    }
                    for n in range(TENANTS)
                },
            ),
        )


class Outcome(NamedTuple):
    """One request: whose, when sent and done (monotonic seconds), and what came. ``version``: what the reply said;
    ``worker``: the part of its request id that is the process's.
    """

    tenant: int
    sent: float
    done: float
    status: int
    why: str
    version: int
    score: float
    worker: str


class Watch:
    """Keeps every outcome."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def answered(self, shot: Shot, reply: Reply, now: float) -> None:
        score, version = -1.0, 0
        if reply.status == 200:
            score = _decode(reply.body).predictions[0].score
            version = int(reply.header(b"x-tenantry-version"))
        worker = reply.header(b"x-request-id").decode().rpartition("-")[0]
        self.outcomes.append(Outcome(shot.target, shot.sent, now, reply.status, "", version, score, worker))

    def failed(self, shot: Shot, why: str, now: float) -> None:
        self.outcomes.append(Outcome(shot.target, shot.sent, now, 0, why, 0, -1.0, ""))


class Load:
    """A load in a thread of its own, until it is stopped."""

    def __init__(
        self, url: str, targets: list[Target], *, connections: int = 16, rate: float | None = None
    ) -> None:
        self.watch = Watch()
        pool = [json.dumps(RECORD).encode()]
        self._drive = Drive(
            url=url,
            requests=assemble(url, [(target, pool) for target in targets]),
            shape="closed" if rate is None else "poisson",
            rate=rate or 1000.0,
            connections=connections,
            exponent=0.0,
            duration=3600.0,
            timeout=10.0,
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.samples: Samples = drive(self._drive, self.watch, self._stop)

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._thread.start()
        until = time.monotonic() + 30
        while not any(outcome.status == 200 for outcome in self.watch.outcomes[-50:]):
            assert time.monotonic() < until
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def targets() -> list[Target]:
    return [Target(tenant=tenant(number), model="m", key=key(number)) for number in range(TENANTS)]


@contextmanager
def supervised(home: Path, workers: int = 2) -> Iterator[str]:
    """A supervisor with scoring workers, from when they answer; yields the scoring API's address."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(home), str(workers)])
    try:
        yield wait_until_ready(home, process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def wait_until_ready(home: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 60
    while True:
        assert process.poll() is None
        assert time.monotonic() < until
        try:
            url = facts(home)["data_url"]
            if ask(url, "GET", "/v2/health/ready")[0] == 200:
                return str(url)
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)


def facts(home: Path) -> dict[str, object]:
    """What the supervisor tells of itself."""
    return dict(json.loads((home / "run" / "server.json").read_text()))


def pid_of(home: Path, child: str) -> int | None:
    """A child's process id, None while it is dead."""
    processes = facts(home)["processes"]
    assert isinstance(processes, dict)
    return processes.get(child)


def ask(url: object, method: str, path: str, bearer: str = "", body: bytes | None = None) -> tuple[int, str]:
    """Status and request id of one request on a connection of its own."""
    connection = http.client.HTTPConnection(str(url).removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {bearer}"} if bearer else {})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("x-request-id", "")
    finally:
        connection.close()


def gone(pid: int) -> bool:
    """Whether a process has ended (its parent may not have looked yet)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
