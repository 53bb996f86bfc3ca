"""A worker's own socket in the home folder, on which it alone answers. Who may open it, the folder's mode says.

A socket's address holds 108 bytes, and a home folder's path may be longer: so both sides go through a handle of the
folder, whose path is short.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BACKLOG = 64


def local_path(home: Path, worker: int) -> Path:
    """Where a worker's own socket lies."""
    return home / "run" / f"worker-{worker}.sock"


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``; what a worker before left there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as address:
        opened.bind(address)
    path.chmod(0o600)
    opened.listen(BACKLOG)
    return opened


def connect(path: Path, seconds: float) -> socket.socket:
    """A connection to the worker at ``path``. Raises ``OSError`` where nobody listens."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    opened.settimeout(seconds)
    try:
        with _short(path) as address:
            opened.connect(address)
    except OSError:
        opened.close()
        raise
    return opened


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
