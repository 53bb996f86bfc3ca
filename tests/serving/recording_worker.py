"""Records numbered requests for ever, and prints the number of the last one that is flushed: ``… HOME WORKER``."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from tenantry.predictions import KIND
from tenantry.segments import SegmentWriter
from tenantry.serving.inference_log import InferenceLog
from tenantry.serving.request_log import RequestLog
from tenantry.serving.stats import Stats
from tenantry.serving.stats_merged import Merged


class Recording:
    """A worker's recorders, as a worker puts them together."""

    def __init__(self, home: Path, worker: int) -> None:
        self.background = ThreadPoolExecutor(1)
        self.inference_log = InferenceLog(SegmentWriter(home / "spool", KIND, worker))
        self.stats = Stats(worker, lambda tenant, name: name == "churn")
        self.merged = Merged(home / "run" / "stats", self.stats, self.background)
        self.merged.adopt()
        self.recorders = (self.stats, self.inference_log, RequestLog(self.background))

    def tick(self) -> None:
        self.inference_log.tick()
        self.merged.publish()

    def close(self) -> None:
        assert self.inference_log.close()
        self.merged.publish()
        self.background.shutdown()


def main() -> None:
    recording = Recording(Path(sys.argv[1]), int(sys.argv[2]))
    number = 0
    while True:
        for _ in range(200):
            work = SimpleNamespace(
                tenant=f"t{number % 3}", name="churn", version="1", rule="default", rows=1, status=200, code="",
                arrived=time.monotonic() - 0.001, finished=time.monotonic(), request_id=f"{number}",
                trace="", policy=SimpleNamespace(log_share=1.0), route=SimpleNamespace(path="/predict/{model}"),
                headers={}, body=b'{"n": %d}' % number, outcomes=[("Yes", 0.5, None, None)],
            )  # fmt: skip
            for recorder in recording.recorders:
                recorder.finished(work)
            number += 1
            time.sleep(0.0002)
        recording.tick()
        if number % 1000 == 0:
            assert recording.inference_log.flush()
            print(number - 1, flush=True)


if __name__ == "__main__":
    main()
