"""Merging small files into larger ones, so that a day stays a few files."""

import os
from pathlib import Path

from tenantry.predictions import layout
from tenantry.predictions.layout import LogFile
from tenantry.predictions.ports import LogFiles

FAN = 8
"""So many files are merged, at least."""
LARGEST_BYTES = 32 << 20
"""Largest sum of files that are merged, since they are in memory meanwhile."""


def compact(folder: Path, files: LogFiles) -> int:
    """Merge what is due in one date's folder, and remove what merged files stand for; returns the merges done.

    Raises ``OSError``, ``Corrupt("log_corrupt")``.
    """
    merges = 0
    while True:
        counting, covered = layout.listed(folder, files.suffix)
        for file in covered:
            file.path.unlink(missing_ok=True)
        run = _due(counting)
        if not run:
            return merges
        into = folder / layout.file_name(run[0].first, run[-1].last, files.suffix)
        part = layout.part_of(into)
        files.merge([file.path for file in run], part)
        _sync(part)
        part.replace(into)
        layout.sync_folder(folder)
        for file in run:
            file.path.unlink(missing_ok=True)
        merges += 1


def _due(counting: list[LogFile]) -> list[LogFile]:
    """Neighbours to merge: the longest run up to the newest file whose oldest is no larger than the others together.

    So what was merged once is merged again only with as much again, and a byte is merged a few times in its life.
    """
    sizes = [file.path.stat().st_size for file in counting]
    for begin in range(len(counting) - FAN + 1):
        others = sum(sizes[begin + 1 :])
        if sizes[begin] <= others and sizes[begin] + others <= LARGEST_BYTES:
            return counting[begin:]
    return []


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
