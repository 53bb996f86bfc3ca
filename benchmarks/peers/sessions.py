"""ONNX Runtime sessions as every rival has them: from files named by the model, one thread each."""

import os
from pathlib import Path
from typing import Any

import onnxruntime

FOLDER = Path(os.environ["MODELS"])
onnxruntime.set_default_logger_severity(3)
_options = onnxruntime.SessionOptions()
_options.intra_op_num_threads = _options.inter_op_num_threads = 1


def open_session(name: str) -> Any:
    """A model's session."""
    return onnxruntime.InferenceSession(FOLDER / f"{name}.onnx", _options, providers=["CPUExecutionProvider"])


def score(session: Any, rows: Any) -> Any:
    """The positive class's probability of each row; ``rows``: float32, (rows, 20)."""
    return session.run(["probabilities"], {"input": rows})[0][:, 1]
