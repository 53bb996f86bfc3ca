"""The worker's part of the inference log: keeps finished requests for a moment, and hands them on in blocks (A17).

``finished`` keeps references, in one tuple a request. A block of them goes to the segment writer after a second or a
megabyte; encoding and writing happen on its thread. What does not fit into the writer's memory is dropped and counted.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from tenantry.errors import TenantryError
from tenantry.predictions.block import Row, encodable, encode_block
from tenantry.predictions.record import JSON_RECORDS, OIP_BINARY, OIP_JSON
from tenantry.segments import SegmentWriter
from tenantry.serving.defects import Defects
from tenantry.serving.request_log import Logged, sampled
from tenantry.telemetry import get_logger

BLOCK_BYTES = 1 << 20
BLOCK_SECONDS = 1.0

_REQUEST_BYTES, _ROW_BYTES = 400, 200
"""What a request, and a row of its outcomes, take in memory beside the body; roughly, and rather too much."""
_BINARY_HEADER = b"inference-header-content-length"
_log = get_logger("serving.inference_log")


class _Policy(Protocol):
    @property
    def log_share(self) -> float: ...


class _Route(Protocol):
    @property
    def path(self) -> str: ...


class _Form(Protocol):
    @property
    def size(self) -> int: ...
    def rest(self) -> tuple[bytes, int | None]: ...


class Kept(Logged, Protocol):
    """What is kept of a finished request."""

    @property
    def form(self) -> _Form | None: ...  # noqa: D102

    @property
    def policy(self) -> _Policy: ...  # noqa: D102
    @property
    def route(self) -> _Route: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...  # noqa: D102
    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def outcomes(self) -> Sequence[Any] | None: ...  # noqa: D102


class InferenceLog:
    """A recorder. On the event loop's thread; the owner closes it, and with it the writer.

    What was refused for want of room (429, 503) is not kept: nothing was predicted, and it must cost nothing. Nor is
    what never came to a version, such as a name that a caller made up: that would make folders at the caller's will.
    """

    def __init__(
        self,
        writer: SegmentWriter,
        *,
        block_bytes: int = BLOCK_BYTES,
        block_seconds: float = BLOCK_SECONDS,
        deflate: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._block_bytes = block_bytes
        self._block_seconds = block_seconds
        self._deflate = deflate
        self._clock = clock
        self._rows: list[Row] = []
        self._forms: list[tuple[int, _Form]] = []  # rows whose body is yet to be written as REST's
        self._bytes = 0
        self._begun = 0.0
        self.kept = 0
        """Requests that were taken."""
        self._refused = self._lost = 0  # the second is counted on the writer's thread
        self._unwritten = Defects("requests that cannot be written as REST's are left out of the log")

    @property
    def dropped(self) -> int:
        """Requests that should have been kept, and were not: memory was full, or they could not be written."""
        return self._refused + self._lost

    def finished(self, work: Kept) -> None:
        """Keep a request whose reply is made, if its deployment's share of the log takes it."""
        share = work.policy.log_share
        status = work.status
        if status in (429, 503) or not work.version or (share < 1.0 and not sampled(work.request_id, share)):
            return
        body, size = work.body, len(work.body)
        outcomes = work.outcomes or ()
        kind, header_length = JSON_RECORDS, None
        if work.route.path.startswith("/v2"):
            kind = OIP_JSON
            if work.form is not None:
                size = work.form.size
                self._forms.append((len(self._rows), work.form))
            length = work.headers.get(_BINARY_HEADER)
            if length is not None:
                kind = OIP_BINARY
                header_length = int(length) if length.isdigit() and len(length) < 10 else None
        if not self._rows:
            self._begun = work.finished
        self._rows.append(
            (
                work.arrived, work.finished, work.tenant, work.name, work.version, work.rule, work.request_id, status,
                work.code, kind, header_length, work.rows, body, outcomes,
            )
        )  # fmt: skip
        self._bytes += size + _REQUEST_BYTES + _ROW_BYTES * len(outcomes)
        if self._bytes >= self._block_bytes or work.finished - self._begun >= self._block_seconds:
            self.hand_on()

    def shadowed(self, work: object, copy: object, rollout: str) -> None:
        """A shadow's answer went to nobody: what it came to is the rollout's to keep."""

    def tick(self) -> None:
        """Hand a block on where it has waited long enough; call it every second."""
        if self._rows and self._clock() - self._begun >= self._block_seconds:
            self.hand_on()

    def hand_on(self) -> None:
        """Give what was kept to the segment writer."""
        rows, forms, size = self._rows, self._forms, self._bytes
        if not rows:
            return
        self._rows, self._forms, self._bytes = [], [], 0
        epoch = time.time() - time.monotonic()
        if self._writer.append(partial(self._encoded, rows, forms, epoch), size):
            self.kept += len(rows)
        else:
            self._refused += len(rows)

    def flush(self, seconds: float = 30.0) -> bool:
        """Hand on, and wait until it is on disk; False where that did not come about in time."""
        self.hand_on()
        return self._writer.flush(seconds)

    def close(self, seconds: float = 30.0) -> bool:
        """Flush for the last time; nothing that was kept is lost by a clean stop. False as for ``flush``."""
        self.hand_on()
        return self._writer.close(seconds)

    def _encoded(self, rows: list[Row], forms: list[tuple[int, _Form]], epoch: float) -> bytes:
        """A block's bytes; on the writer's thread."""
        if forms:
            rows = self._with_bodies(rows, forms)
        try:
            return encode_block(rows, epoch, deflate=self._deflate)
        except Exception:  # noqa: BLE001 — whatever is wrong with one request, the others are kept
            good = encodable(rows)
            self._lost += len(rows) - len(good)
            _log.exception(
                "requests that cannot be encoded are left out of the log", count=len(rows) - len(good)
            )
            return encode_block(good, epoch, deflate=self._deflate)

    def _with_bodies(self, rows: list[Row], forms: list[tuple[int, _Form]]) -> list[Row]:
        """The rows with their requests as REST's bodies, less those that a defect keeps from being written."""
        unwritten = set()
        for at, form in forms:
            try:
                rows[at] = _written(rows[at], form)
            except Exception as error:  # noqa: BLE001 — whatever is wrong with one request, the others are kept
                unwritten.add(at)
                self._unwritten.tell(error)
        self._lost += len(unwritten)
        return [row for at, row in enumerate(rows) if at not in unwritten]


def _written(row: Row, form: _Form) -> Row:
    """The row with its request as REST's body."""
    try:
        body, header_length = form.rest()
    except TenantryError:  # refused for its form, it has none in REST: it is kept without a body
        return row
    kind = OIP_JSON if header_length is None else OIP_BINARY
    *head, _, _, rows, _, outcomes = row
    return (*head, kind, header_length, rows, body, outcomes)  # type: ignore[return-value] # a row's length
