"""One request of the inference log."""

from typing import NamedTuple

KIND = "inference"
"""The kind of the segments that carry the log from the workers to the control side."""

JSON_RECORDS, OIP_JSON, OIP_BINARY = "json-records", "oip-json", "oip-binary"
"""What a body is: records as ``POST /predict`` takes them; an Open Inference Protocol request in JSON; the same with
binary tensors after ``header_length`` bytes of JSON."""


class LoggedRequest(NamedTuple):
    """One request. ``time``: when it arrived, seconds since the epoch; ``seconds``: from then to its reply.

    ``labels`` and ``scores``: one a row, empty where it failed; ``labels`` are None for regressions. ``body`` is what
    was sent, decompressed. ``code`` is the error's, "" where there was none.
    """

    time: float
    tenant: str
    deployment: str
    version: str
    rule: str
    request_id: str
    status: int
    code: str
    format: str
    header_length: int | None
    rows: int
    seconds: float
    body: bytes
    labels: list[str | None]
    scores: list[float]
