"""How much memory models may take by default."""

import os
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
