"""A plan file read back into its specification."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.onnx_specs import draw_spec

from tenantry.errors import Corrupt
from tenantry.plan import compile_plan
from tenantry.plan.decompile import spec_of
from tenantry.schema import Task

seeds, tasks = st.integers(0, 10**6), st.sampled_from(list(Task))


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right))
    return left == right


@settings(max_examples=60, deadline=None)
@given(seed=seeds, task=tasks)
def test_columns_trees_and_calibration_come_back_as_they_were(seed, task):
    spec = draw_spec(seed, task)
    read = spec_of(compile_plan(spec))
    pairs = [*zip(spec.columns, read.columns, strict=True), *zip(spec.trees, read.trees, strict=True)]
    pairs.append((spec.calibration, read.calibration))
    if spec.linear is not None:
        pairs.append((spec.linear, read.linear))
    for wanted, got in pairs:
        for field in fields(wanted):
            if "cover" in field.name or ("weight" in field.name and spec.linear is None):
                continue
            assert same(getattr(wanted, field.name), getattr(got, field.name)), field.name
    for name in (
        "task",
        "n_outputs",
        "n_slots",
        "derived",
        "forest_weight",
        "linear_weight",
        "meta",
        "seed",
    ):
        assert getattr(read, name) == getattr(spec, name), name
    assert np.array_equal(read.base, spec.base)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, task=tasks)
def test_training_shares_come_back_relative_to_the_root(seed, task):
    spec = draw_spec(seed, task)
    for wanted, got in zip(spec.trees, spec_of(compile_plan(spec)).trees, strict=True):
        assert np.allclose(got.cover, wanted.cover / wanted.cover[0], atol=1e-4)
        assert np.allclose(got.leaf_cover, wanted.leaf_cover / wanted.cover[0], atol=1e-4)


def test_a_damaged_file_is_refused():
    data = bytearray(compile_plan(draw_spec(1, Task.BINARY)))
    data[-20] ^= 1
    with pytest.raises(Corrupt):
        spec_of(bytes(data))
