"""What the C library's allocator holds: sessions live there, and are not seen by Python."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


class _Mallinfo2(ctypes.Structure):
    """glibc's ``struct mallinfo2`` (mallinfo(3)), summed over all arenas."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _allocated() -> Callable[[], int]:
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        # Another C library, or glibc before 2.33: the whole process, in pages.
        return lambda: int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    library.mallinfo2.restype = _Mallinfo2

    def held() -> int:
        info = library.mallinfo2()
        return int(info.uordblks + info.hblkhd)

    return held


def _trim() -> Callable[[], None]:
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return lambda: None
    return lambda: library.malloc_trim(0) and None


allocated: Callable[[], int] = _allocated()
"""Bytes in use of what was allocated by ``malloc``, by all threads."""

trim: Callable[[], None] = _trim()
"""Give freed memory back to the system. Takes up to some milliseconds; other Python threads run meanwhile."""
