"""A small writer of ONNX graphs: nodes and constants get names that no column can have, and errors stay in
one place."""

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tenantry.errors import Unsupported

OPSET = 20
"""The first ai.onnx opset with StringSplit and StringConcat."""
ML_OPSET = 3
"""The first ai.onnx.ml opset whose tree ensembles take thresholds and leaves in float64."""
IR_VERSION = 10
INTERNAL = "/"
"""First character of every name inside the graph; inputs never begin with it."""


def require(module: str) -> ModuleType:
    """Import ``onnx`` or ``onnxruntime`` on first use.

    Raises:
        Unsupported: ``onnx_not_installed``, when the extra is absent.
    """
    import importlib  # noqa: PLC0415 - beside its only use

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unsupported("onnx_not_installed", f"{module} is not installed") from error


class Graph:
    """Nodes, constants and inputs of a graph under construction; values are known by their names."""

    def __init__(self) -> None:
        self._helper = require("onnx.helper")
        self._numpy = require("onnx.numpy_helper")
        self._types: Any = require("onnx").TensorProto
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, *, text: bool, about: str) -> str:
        """A graph input of shape [N]: strings, or float64."""
        kind = self._types.STRING if text else self._types.DOUBLE
        self._inputs.append(self._helper.make_tensor_value_info(name, kind, ["N"], doc_string=about))
        return name

    def output(self, name: str, value: str, *, text: bool = False, width: int | None = None) -> None:
        """Publish ``value`` as ``name``: shape [N], or [N, width]."""
        kind = self._types.STRING if text else self._types.DOUBLE
        shape: list[str | int] = ["N"] if width is None else ["N", width]
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._helper.make_tensor_value_info(name, kind, shape))

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        """A numeric constant; equal ones are stored once."""
        array = np.ascontiguousarray(value, dtype)
        array = array.reshape(np.shape(value))  # ascontiguousarray makes a scalar one-dimensional
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{INTERNAL}c{len(self._constants)}"
            self._constants.append(self._numpy.from_array(array, self._known[key]))
        return self._known[key]

    def doubles(self, value: npt.ArrayLike) -> str:
        """A float64 constant."""
        return self.constant(value, np.float64)

    def ints(self, value: npt.ArrayLike) -> str:
        """An int64 constant."""
        return self.constant(value, np.int64)

    def strings(self, words: list[str]) -> str:
        """A string constant of shape [len(words)]."""
        name = f"{INTERNAL}c{len(self._constants)}"
        encoded = [word.encode() for word in words]
        self._constants.append(self._helper.make_tensor(name, self._types.STRING, [len(words)], encoded))
        return name

    def array(self, value: npt.NDArray[Any]) -> Any:
        """A tensor for an attribute that takes one."""
        return self._numpy.from_array(value)

    def add(self, op: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Append a node; gives the name of its first output."""
        names = [f"{INTERNAL}v{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(self._helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[0]

    def cast(self, value: str, dtype: npt.DTypeLike) -> str:
        """``value`` in another element type."""
        return self.add("Cast", value, to=self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def column(self, value: str) -> str:
        """[N] → [N, 1]."""
        return self.add("Unsqueeze", value, self.ints([1]))

    def flat(self, value: str) -> str:
        """[N, 1] → [N]."""
        return self.add("Squeeze", value, self.ints([1]))

    def concat(self, pieces: list[str]) -> str:
        """[N, a], [N, b], … → [N, a + b + …]."""
        return pieces[0] if len(pieces) == 1 else self.add("Concat", *pieces, axis=1)

    def total(self, value: str) -> str:
        """[N, m] → [N, 1], the sum of each row."""
        return self.add("ReduceSum", value, self.ints([1]), keepdims=1)

    def serialize(self, name: str, *, producer_version: str, metadata: dict[str, str]) -> bytes:
        """The finished, checked model as protobuf bytes; a function of its content alone."""
        used = {value for node in self._nodes for value in node.input}
        constants = [constant for constant in self._constants if constant.name in used]
        graph = self._helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants)
        opsets = [
            self._helper.make_opsetid("", OPSET),
            self._helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ]
        model = self._helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="tenantry",
            producer_version=producer_version,
        )
        self._helper.set_model_props(model, metadata)
        require("onnx.checker").check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data
