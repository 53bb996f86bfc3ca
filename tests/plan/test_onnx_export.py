"""The ONNX export: a graph that scores as the plan does, or none."""

import importlib
import subprocess
import sys
import types
from dataclasses import replace

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.onnx_specs import draw_spec

from tenantry.errors import Internal, Unsupported
from tenantry.plan import Plan, compile_plan, onnx_export
from tenantry.plan._onnx_columns import input_names
from tenantry.plan._onnx_forest import exact_step
from tenantry.plan._onnx_probe import probe_records
from tenantry.plan.ir import GeoColumn, PlanSpec, TextColumn
from tenantry.plan.onnx_export import export_onnx, prepare_inputs, verify_onnx
from tenantry.schema import Task


def run(model: bytes, plan: Plan | PlanSpec, records):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, prepare_inputs(plan, records)), strict=True))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), task=st.sampled_from(list(Task)))
def test_every_plan_and_its_graph_agree(seed, task):
    spec = draw_spec(seed, task)
    plan = Plan.from_bytes(compile_plan(spec))
    model = export_onnx(plan)
    records = probe_records(spec, rows=150, seed=seed)
    assert verify_onnx(plan, model, records) < 1e-9


@pytest.mark.parametrize("task", list(Task))
def test_outputs_are_those_of_the_scoring_api(task):
    spec = draw_spec(3, task)
    plan = Plan.from_bytes(compile_plan(spec))
    records = probe_records(spec, rows=40)
    out = run(export_onnx(plan), plan, records)
    scores = np.array(plan.score_rows(records))
    signature = plan.meta.signature
    if task is Task.REGRESSION:
        assert list(out) == ["score"]
        assert np.allclose(out["score"], scores[:, 0])
        return
    assert list(out) == ["label", "score", "probabilities"]
    assert out["probabilities"].shape == (40, len(signature.classes))
    assert np.allclose(out["probabilities"].sum(axis=1), 1.0)
    if task is Task.MULTICLASS:
        wanted = [signature.classes[i] for i in scores.argmax(axis=1)]
        assert np.allclose(out["score"], scores.max(axis=1))
    else:
        positive = signature.classes.index(signature.positive_class)
        over = scores[:, 0] >= signature.threshold
        wanted = [signature.classes[positive if up else 1 - positive] for up in over]
        assert np.allclose(out["probabilities"][:, positive], scores[:, 0])
    assert out["label"].tolist() == wanted


def test_a_single_empty_record_can_be_scored():
    spec = draw_spec(5, Task.MULTICLASS)
    model = export_onnx(compile_plan(spec))
    assert run(model, spec, [{}])["score"].shape == (1,)


def test_the_export_is_a_function_of_the_plan():
    data = compile_plan(draw_spec(7, Task.BINARY))
    assert export_onnx(data) == export_onnx(data)


def test_columns_called_like_outputs_get_other_inputs():
    names = input_names(("label", "plan", "", "/x", "score", "column_0", "t", "t:bytes"))
    assert names == ("column_0_", "plan", "column_2", "column_3", "column_4", "column_0", "t", "t:bytes_")
    assert len(set(names)) == len(names)


def test_the_model_says_which_input_is_which_column():
    spec = draw_spec(11, Task.BINARY)
    model = onnx.load_from_string(export_onnx(compile_plan(spec)))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    inputs = msgspec.json.decode(facts["tenantry.inputs"])
    assert [entry["column"] for entry in inputs] == [column.name for column in spec.columns]
    declared = {entry.name for entry in model.graph.input}
    assert {entry["input"] for entry in inputs} <= declared
    assert {op.domain for op in model.opset_import} <= {"", "ai.onnx.ml"}


def test_a_graph_that_differs_is_refused(monkeypatch):
    spec = draw_spec(3, Task.BINARY)
    data = compile_plan(spec)
    write = onnx_export.write_graph
    monkeypatch.setattr(onnx_export, "write_graph", lambda spec: write(replace(spec, base=spec.base + 0.1)))
    with pytest.raises(Internal) as caught:
        export_onnx(data)
    assert caught.value.code == "onnx_differs"
    assert caught.value.details["difference"] > onnx_export.TOLERANCE


def test_lists_and_places_are_refused_by_their_name():
    list_of = TextColumn(
        name="tags",
        tokens=(),
        idf=np.ones(0, np.float32),
        token_slots=np.zeros(0, np.int32),
        weights=np.zeros((0, 1), np.float32),
        mean_weight=np.zeros(1, np.float32),
        delimiter=";",
    )
    spec = draw_spec(3, Task.BINARY)
    for column, what in ((list_of, "list"), (GeoColumn(name="tags", lat=-1, lon=-1), "place")):
        with pytest.raises(Unsupported, match=f"'tags' is read as a {what}") as caught:
            export_onnx(compile_plan(replace(spec, columns=(*spec.columns, column))))
        assert caught.value.code == "onnx_column"


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    real = importlib.import_module

    def missing(name: str) -> types.ModuleType:
        if name.startswith("onnx"):
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(Unsupported) as caught:
        export_onnx(compile_plan(draw_spec(3, Task.BINARY)))
    assert caught.value.code == "onnx_not_installed"
    assert "tenantry[onnx]" in caught.value.hint


def test_importing_the_exporter_does_not_import_onnx():
    code = "import sys, tenantry.plan.onnx_export; print('onnx' in sys.modules, 'onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_sums_of_rounded_leaves_are_exact_in_float32():
    trees = draw_spec(2, Task.BINARY).trees
    trees = tuple(replace(tree, value=tree.value * np.float32(1e4)) for tree in trees * 40)
    step = exact_step(trees)
    assert sum(float(np.abs(tree.value).max()) for tree in trees) / step <= 2**22
    assert np.log2(step) == np.floor(np.log2(step))
    assert exact_step(()) == 1.0
