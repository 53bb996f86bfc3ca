"""The C kernel and its NumPy twin read the same bytes and must agree."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plan.specs import random_spec, records_of

from tenantry.errors import InvalidData
from tenantry.plan import Plan, compile_plan
from tenantry.plan.ir import PlanSpec
from tenantry.plan.twin import Twin

PLENTY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw: Any) -> tuple[PlanSpec, list[dict[str, Any]]]:
    spec = random_spec(draw(st.integers(0, 1 << 30)))
    return spec, draw(st.lists(records_of(spec), min_size=1, max_size=4))


def close(a: Any, b: Any, scale: float = 1.0) -> None:
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-6, atol=1e-6 * scale)


@PLENTY
@given(cases())
def test_slots_are_equal_bit_for_bit(case: tuple[PlanSpec, list[dict[str, Any]]]) -> None:
    spec, records = case
    data = compile_plan(spec)
    kernel = b"".join(Plan.from_bytes(data).encode(record) for record in records)
    twin = Twin(data).encode_rows(records)
    assert np.array_equal(np.frombuffer(kernel, np.float32).reshape(twin.shape), twin, equal_nan=True)


@PLENTY
@given(cases())
def test_margins_and_scores_agree(case: tuple[PlanSpec, list[dict[str, Any]]]) -> None:
    spec, records = case
    data = compile_plan(spec)
    plan, twin = Plan.from_bytes(data), Twin(data)
    close([plan.margins(record) for record in records], twin.margins_rows(records))
    scores = plan.score_rows(records)
    close(scores, twin.score_rows(records))
    assert np.isfinite(scores).all()


@PLENTY
@given(cases())
def test_attributions_agree_and_add_up_to_the_margin(case: tuple[PlanSpec, list[dict[str, Any]]]) -> None:
    from tenantry.plan import expected_margins

    spec, records = case
    data = compile_plan(spec)
    plan, twin = Plan.from_bytes(data), Twin(data)
    expected = expected_margins(spec)
    for output in range(spec.n_outputs):
        values = np.array([plan.explain(record, output) for record in records])
        # float32 sums over a path against float64: relative to all leaves that take part
        scale = 1.0 + spec.forest_weight * sum(float(np.abs(tree.value).max()) for tree in spec.trees)
        close(values, twin.explain_rows(records, output), scale)
        margins = np.array([plan.margins(record)[output] for record in records])
        np.testing.assert_allclose(
            values.sum(axis=1) + expected[output], margins, rtol=1e-6, atol=3e-5 * scale
        )


@PLENTY
@given(cases())
def test_one_record_scores_as_in_a_batch_bit_for_bit(case: tuple[PlanSpec, list[dict[str, Any]]]) -> None:
    spec, records = case
    plan = Plan.from_bytes(compile_plan(spec))
    single = [plan.score(record) for record in records]
    assert plan.score_rows(records) == single
    columns = [[record.get(name) for record in records] for name in plan.columns]
    assert plan.score_columns(columns, len(records)) == np.array(single).tobytes()


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1,), {1}, "\ud800", b"\xff"])
def test_both_refuse_a_value_of_no_kind_by_the_column_name(value: Any) -> None:
    data = compile_plan(random_spec(3))
    plan, twin = Plan.from_bytes(data), Twin(data)
    name = plan.columns[0]
    with pytest.raises(InvalidData, match=name) as by_kernel:
        plan.score({name: value})
    with pytest.raises(InvalidData, match=name) as by_twin:
        twin.score_rows([{name: value}])
    assert by_kernel.value.code == by_twin.value.code == "record_value"
