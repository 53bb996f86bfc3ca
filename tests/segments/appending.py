"""Appends numbered records for ever, and prints the number of the last one that is safely flushed.

``appending.py FOLDER WORKER SECONDS_BETWEEN_FLUSHES``
"""

import sys
import time
from pathlib import Path

from tenantry.segments import SegmentWriter


def main() -> None:
    writer = SegmentWriter(Path(sys.argv[1]), "facts", int(sys.argv[2]), max_bytes=4096, max_seconds=0.3)
    pause = float(sys.argv[3])
    number = 0
    while True:
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if writer.append(b"%08d" % number + b"x" * (number % 97)):
                number += 1
            time.sleep(0.0002)
        if not writer.flush():
            raise SystemExit(1)
        print(number - 1, flush=True)


if __name__ == "__main__":
    main()
