"""Folds a spool slowly, with a real file format, until it is killed or done: ``folding.py SPOOL ROOT``."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tenantry.adapters.arrow import ParquetLogFiles
from tenantry.predictions import LoggedRequest, LogKeeper


class Slow(ParquetLogFiles):
    """Takes its time, so that a kill comes in the middle of things."""

    def write(self, path: Path, requests: Sequence[LoggedRequest]) -> None:
        super().write(path, requests)
        time.sleep(0.003)

    def merge(self, paths: Sequence[Path], into: Path) -> None:
        super().merge(paths, into)
        time.sleep(0.003)


if __name__ == "__main__":
    keeper = LogKeeper(Path(sys.argv[1]), Path(sys.argv[2]), Slow())
    print("ready", flush=True)
    keeper.drain()
