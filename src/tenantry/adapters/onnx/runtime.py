"""The second runtime: a model that tenantry exported to ONNX, under the same port and the same accounting as a plan.

A session takes ten times the memory of a plan and a hundred times as long to load, and has no reasons. It is for models
that must run as the exported graph does, and it shows that the port holds for more than plans.
"""

import contextlib
import importlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from tenantry.adapters.onnx import memory
from tenantry.errors import Corrupt, InvalidData, Unsupported
from tenantry.plan.meta import ColumnMeta, PlanHead, PlanMeta
from tenantry.schema import Signature, Task

BATCH = 8
"""Measured (docs/residency.md): one call of eight rows costs less than two of one."""
_SIGNATURE = msgspec.json.Decoder(Signature)


class OnnxPlan:
    """One session, and how its inputs are filled. Scores as the plan that it was exported from, within 1e-5.

    A record and a batch are taken as :class:`tenantry.plan.Plan` takes them, with the same errors.
    """

    __slots__ = (
        "_bytes_inputs", "_inputs", "_module", "_outputs", "_session", "_signature", "_target", "columns", "n_outputs",
        "nbytes",
    )  # fmt: skip

    batch = BATCH

    def __init__(self, session: Any, module: ModuleType) -> None:
        facts = session.get_modelmeta().custom_metadata_map
        self._module = module
        self._session: Any = session
        self._inputs: tuple[Any, ...] = module.input_decoder.decode(facts["tenantry.inputs"])
        if not all(one.whole for one in self._inputs):
            raise KeyError("how its columns are read")
        self._signature: str = facts["tenantry.signature"]
        self._target: str = msgspec.json.decode(facts["tenantry.target"])
        signature = self.head.signature
        names = [one.name for one in session.get_inputs()]
        self._bytes_inputs = frozenset(one.input for one in self._inputs if f"{one.input}:bytes" in names)
        self._outputs = ["probabilities" if signature.task is Task.MULTICLASS else "score"]
        self.columns = tuple(dict.fromkeys(one.column for one in self._inputs))
        self.n_outputs = len(signature.classes) if signature.task is Task.MULTICLASS else 1
        self.nbytes = 0
        """What the allocator gave for the session, measured when it was opened."""

    @property
    def head(self) -> PlanHead:
        """Signature and target."""
        return PlanHead(signature=_SIGNATURE.decode(self._signature), target=self._target)

    @property
    def meta(self) -> PlanMeta:
        """Signature and target; what is known of the training data does not travel with an export."""
        head = self.head
        columns = tuple(ColumnMeta(column=column) for column in head.signature.inputs)
        return PlanMeta(signature=head.signature, columns=columns, target=head.target, expected=())

    def score(self, record: Mapping[str, Any], /) -> tuple[float, ...]:
        """Score one record."""
        if type(record) is not dict:
            record = _as_dict(record)
        return tuple(
            self._run(self._module.fill_one(self._inputs, self._bytes_inputs, record)).ravel().tolist()
        )

    def score_rows(self, records: list[dict[str, Any]], /) -> list[tuple[float, ...]]:
        """Score several records in one call."""
        if not records:
            return []
        records = [record if type(record) is dict else _as_dict(record) for record in records]
        scores = self._run(self._module.fill_records(self._inputs, self._bytes_inputs, records))
        return [tuple(row) for row in scores.reshape(len(records), -1).tolist()]

    def score_columns(self, columns: Sequence[Any], rows: int, /) -> bytes:
        """Score columns: float64, rows × outputs, C order."""
        feed = self._module.fill(self._inputs, self._bytes_inputs, columns, rows)
        # A graph takes one row at least.
        scores: bytes = self._run(feed).tobytes() if rows else b""
        return scores

    def close(self) -> None:
        """Free the session."""
        self._session = None

    def _run(self, feed: dict[str, Any]) -> Any:
        session = self._session
        if session is None:
            raise ValueError("the model is closed")
        return session.run(self._outputs, feed)[0]


class OnnxRuntime:
    """Opens exported models. onnxruntime, an optional extra, is imported with the first."""

    def __init__(self) -> None:
        self._ready = False
        self._lock = threading.Lock()

    def open(self, path: Path, /) -> OnnxPlan:
        """Load from bytes, one thread a session, and measure what that took.

        Raises ``Unsupported``: ``onnx_not_installed``, or ``onnx_foreign`` for a graph that tenantry did not export;
        ``Corrupt("plan_corrupt")`` for bytes that are no model.
        """
        data = path.read_bytes()
        with self._lock:  # the measure is of one load at a time
            module = _module()
            if not self._ready:
                # The first session also fills tables that the library keeps for all.
                _opened(data, module)
                self._ready = True
            before = memory.allocated()
            plan = _opened(data, module)
            plan.nbytes = max(memory.allocated() - before, 1)
        return plan

    def trim(self) -> None:
        """Freed sessions stay with the allocator until it is told."""
        memory.trim()

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        """Raises ``Unsupported("reasons_unsupported")``."""
        del plan, record, k, output
        raise Unsupported("reasons_unsupported", "a model in ONNX gives no reasons")


def _module() -> ModuleType:
    """The reading of inputs, which needs NumPy, as onnxruntime does."""
    try:
        importlib.import_module("onnxruntime")
    except ImportError as error:
        raise Unsupported("onnx_not_installed", "onnxruntime is not installed") from error
    return importlib.import_module("tenantry.adapters.onnx.inputs")


def _opened(data: bytes, module: ModuleType) -> OnnxPlan:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's own kinds have no base of their own
        raise Corrupt("plan_corrupt", f"the ONNX model cannot be loaded: {error}") from error
    with contextlib.suppress(AttributeError):
        session._model_bytes = None  # noqa: SLF001 - the wrapper keeps the file's bytes for a provider that may fail
    try:
        plan = OnnxPlan(session, module)
    except KeyError as error:
        raise Unsupported("onnx_foreign", f"the graph lacks its description: {error}") from error
    except msgspec.MsgspecError as error:
        raise Corrupt("plan_corrupt", f"the graph's description cannot be read: {error}") from error
    # The first call allocates too, and shows that the graph runs.
    plan.score({})
    return plan


def _as_dict(record: Any) -> dict[str, Any]:
    try:
        return dict(record)
    except (TypeError, ValueError) as error:
        raise InvalidData("record_value", "a record is no object of columns and values") from error
