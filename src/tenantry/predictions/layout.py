"""Where the log's files lie: ``<root>/<tenant>/<deployment>/<date>/<first>[-<last>]<suffix>``.

The numbers are those of the folds that the file comes from. A file that was merged from several has the range of
theirs in its name, and stands for every file inside that range: so nothing is read twice, even where a kill came
between the merge and the removal of what it merged.
"""

import ctypes
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tenantry.tenancy import name_of, tenant_id

_NAME = re.compile(r"(\d{12})(?:-(\d{12}))?")
_PART = ".part-"
DAY_SECONDS = 86_400
_libc = ctypes.CDLL(None, use_errno=True)


class LogFile(NamedTuple):
    """One file, and the folds that it holds; sorts by the first of them."""

    first: int
    last: int
    path: Path


def folder_of(root: Path, tenant: str, deployment: str) -> Path:
    """The folder of a deployment. Raises ``InvalidRequest`` for what is no name, so that no name leaves the root."""
    return root / tenant_id(tenant) / name_of(deployment)


def date_of(time: float) -> str:
    """The folder's name for a time: its date in UTC."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def file_name(first: int, last: int, suffix: str) -> str:
    """The name of a file that holds these folds."""
    return f"{first:012d}{suffix}" if first == last else f"{first:012d}-{last:012d}{suffix}"


def listed(folder: Path, suffix: str) -> tuple[list[LogFile], list[LogFile]]:
    """The files of a date's folder in order: those that count, and those that a merged one stands for."""
    found = []
    for path in folder.glob(f"*{suffix}"):
        match = _NAME.fullmatch(path.name.removesuffix(suffix))
        if match is not None:
            first = int(match[1])
            found.append(LogFile(first, int(match[2] or first), path))
    found.sort(key=lambda file: (file.first, -file.last))
    counting: list[LogFile] = []
    covered: list[LogFile] = []
    for file in found:
        (covered if counting and file.last <= counting[-1].last else counting).append(file)
    return counting, covered


def part_of(path: Path) -> Path:
    """The name under which a file is written before it is whole."""
    return path.with_name(f"{_PART}{path.name}")


def is_part(path: Path) -> bool:
    """Whether a file is one that was not finished."""
    return path.name.startswith(_PART)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, readable by their owner only (B20)."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def subfolders(path: Path) -> list[Path]:
    """The folders in a folder, by name; none where it is not there."""
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def sync_all(path: Path) -> None:
    """Make everything that was written to the file system of ``path`` durable: one call for thousands of files."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(handle) != 0:
            os.sync()
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Make the renames in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
