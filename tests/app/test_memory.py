"""How much memory models may take by default."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenantry.app import memory
from tenantry.app.memory import LEAST_MODEL_BYTES, default_model_bytes, machine_bytes
from tenantry.app.scoring import Place, ScoringWorker

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MB = 1 << 20


def system(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("cgroup", "files", "wanted"),
    [
        ("0::/\n", {"memory.max": f"{300 * MB}\n"}, 300 * MB),
        ("0::/\n", {"memory.max": "max\n"}, PHYSICAL),
        ("0::/a/b\n", {"a/memory.max": f"{200 * MB}\n", "a/b/memory.max": "max\n"}, 200 * MB),
        ("0::/a\n", {"memory.max": f"{200 * MB}\n", "a/memory.max": f"{100 * MB}\n"}, 100 * MB),
        ("0::/elsewhere/on/the/host\n", {"memory.max": f"{300 * MB}\n"}, 300 * MB),
        ("4:cpu,memory:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": f"{150 * MB}\n"}, 150 * MB),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, PHYSICAL),
        ("1:cpu:/x\n", {"memory/x/memory.limit_in_bytes": f"{150 * MB}\n"}, PHYSICAL),
    ],
)
def test_a_container_bounds_what_there_is(
    tmp_path: Path, cgroup: str, files: dict[str, str], wanted: int
) -> None:
    assert machine_bytes(system(tmp_path, cgroup, files)) == wanted


def test_where_nothing_can_be_read_the_machine_counts(tmp_path: Path) -> None:
    assert machine_bytes(tmp_path) == PHYSICAL
    assert 0 < machine_bytes() <= PHYSICAL


def test_workers_share_a_quarter_and_none_gets_too_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "machine_bytes", lambda: 16 << 30)
    assert default_model_bytes() == 4 << 30
    assert default_model_bytes(4) == 1 << 30
    assert default_model_bytes(64) == LEAST_MODEL_BYTES
    worker = ScoringWorker(Place(home=tmp_path, workers=4))
    assert worker.residency.budget == 1 << 30


HOLES = """
import sys
from pathlib import Path
from tenantry.app.memory import return_large_blocks

def resident():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])

if sys.argv[1] == "returned":
    return_large_blocks()
large = bytes(1 << 20)
del large  # from here on, glibc would take such blocks from the heap
before = resident()
large, small = [], []
for letter in b"abcd" * 10:
    large.append(bytes([letter]) * (1 << 20))
    small.append(bytes([letter]) * 10_000)
del large
print(resident() - before)
"""


def test_large_blocks_go_back_though_small_ones_stay_between_them() -> None:
    def kilobytes(how: str) -> int:
        command = [sys.executable, "-c", HOLES, how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert kilobytes("as it is") > 20_000  # else this test shows nothing
    assert kilobytes("returned") < 2_000
