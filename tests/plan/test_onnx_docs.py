"""The examples of docs/onnx.md run."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.plan.onnx_export import export_onnx
from tenantry.tenancy import tenant_id

PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"


def test_the_examples_run_as_they_are_written(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 200)
    height = np.round(10 * kind + rng.normal(0, 3, 200), 1)
    colour = np.array(["red", "green"])[(kind + (rng.random(200) < 0.2)) % 2]
    table = pa.table({"height": height, "colour": colour, "kind": np.array(["fern", "rose"])[kind]})
    definition = PredictionDefinition(name="plants", target="kind")
    plan = train(tenant_id("t"), table, definition, budget_cpu_seconds=2).plan
    (tmp_path / "plants.tnp").write_bytes(plan)
    (tmp_path / "plants.onnx").write_bytes(export_onnx(plan))
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        names: dict[str, object] = {}
        exec(example, names)  # noqa: S102 - our own page
        assert set(names["label"]) <= {"fern", "rose"}
        assert names["probabilities"].shape == (2, 2)
