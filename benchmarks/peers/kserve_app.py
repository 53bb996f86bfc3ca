"""KServe's model server with one model a tenant, all loaded at its start (it has no loading on demand)."""

import logging
import os
import sys

import kserve
import numpy as np
from sessions import open_session, score


class Scorer(kserve.Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.session = open_session(name)
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):  # noqa: ARG002 — KServe gives them
        rows = np.array(payload["instances"], np.float32)
        return {"predictions": score(self.session, rows).tolist()}


if __name__ == "__main__":
    port, names = int(sys.argv[1]), os.environ["NAMES"].split(",")
    sys.argv = sys.argv[:1]
    logging.getLogger("kserve.trace").setLevel(logging.ERROR)
    server = kserve.ModelServer(http_port=port, workers=1, enable_grpc=False, access_log_format=None)
    server.start([Scorer(name) for name in names])
