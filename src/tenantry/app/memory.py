"""How much memory models may take where nobody said: of what the machine, or the container, has; and that large blocks
go back to it.
"""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LEAST_MODEL_BYTES = 256 << 20
"""A process's budget for models is never smaller by default."""
LARGE_BYTES = 128 << 10
"""Blocks from here on are the system's as soon as they are freed."""
_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h


def return_large_blocks() -> None:
    """Hold glibc's allocator to its own first bound between heap and maps; call it before the process begins its work.

    By default the first large block that is freed raises that bound to its size. From then on snapshots of figures, log
    blocks and bodies come out of the heap, small objects settle between them, and what they leave is not given back:
    the process grew by steps for as long as it ran.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def default_model_bytes(workers: int = 1) -> int:
    """The budget of one of ``workers`` processes: a quarter of the memory, in equal parts.

    Mapped plans are shared between processes, but the sessions of other runtimes are not: so that all budgets together
    stay a quarter, each gets its part, and no less than :data:`LEAST_MODEL_BYTES`.
    """
    return max(LEAST_MODEL_BYTES, machine_bytes() // 4 // max(1, workers))


def machine_bytes(root: Path = Path("/")) -> int:
    """The memory that this process may use: the machine's, or what its control groups (1 or 2) leave of it."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """The bounds of this process's control group and of those around it."""
    for file in _files(root):
        try:
            yield int(file.read_text())
        except (OSError, ValueError):  # not there, or "max": no bound
            continue


def _files(root: Path) -> Iterator[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in kinds.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        yield from (folder / one / name for one in (inside, *inside.parents))
