"""Triton's Python backend: one model of the server that holds every tenant's session, loaded when first asked for.

One Triton model a tenant would be one process a tenant.
"""

import os
import sys

sys.path.insert(0, os.environ["SITE"])  # the backend's own process knows no virtual environment
sys.path.insert(0, os.environ["PEERS"])

import numpy as np
import triton_python_backend_utils as backend
from sessions import open_session, score


class TritonPythonModel:
    def initialize(self, args):  # noqa: ARG002 — Triton gives them
        self.known = {}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        name = backend.get_input_tensor_by_name(request, "model").as_numpy().ravel()[0].decode()
        rows = backend.get_input_tensor_by_name(request, "input").as_numpy()
        session = self.known.get(name)
        if session is None:
            session = self.known[name] = open_session(name)
        scores = score(session, rows).astype(np.float32)
        return backend.InferenceResponse([backend.Tensor("score", scores)])
