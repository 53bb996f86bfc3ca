import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import jensenshannon
from tests.automl.tables import customers

from tenantry.automl.checks.drift import check_drift, check_table, jensen_shannon
from tenantry.automl.reference import reference_bins
from tenantry.automl.typing import type_table

FEATURES = ("plan", "months", "price", "since")


def typed(table, names=FEATURES):
    return tuple(type_table(table, [name for name in names if name in table.column_names]))


@pytest.fixture(scope="module")
def reference():
    return reference_bins(typed(customers(1200)), np.linspace(0, 1, 1200))


def changed(name, make, rows=800):
    table = customers(rows, seed=5)
    place = table.column_names.index(name)
    return typed(table.set_column(place, name, pa.array(make(table[name].to_pylist()))))


def test_another_draw_of_the_same_customers_gives_no_finding(reference):
    assert check_drift(reference, typed(customers(150, seed=9))) == ()
    assert check_drift(reference, typed(customers(2000, seed=10))) == ()


def test_a_column_that_came_empty_is_told(reference):
    (found,) = check_drift(reference, changed("plan", lambda values: [None] * len(values)))
    assert (found.code, found.columns) == ("fill_rate_changed", ("plan",))
    assert found.evidence["scoring"] == 0.0
    assert found.evidence["training"] > 0.9


def test_a_column_that_is_not_there_is_told(reference):
    found = check_drift(reference, typed(customers(800, seed=5).drop_columns(["price"])))
    assert [(f.code, f.columns) for f in found] == [("fill_rate_changed", ("price",))]


def test_words_that_training_never_saw_are_told(reference):
    (found,) = check_drift(
        reference, changed("plan", lambda values: [v and v.upper() + " II" for v in values])
    )
    assert (found.code, found.columns) == ("distribution_changed", ("plan",))
    assert found.evidence["divergence"] == pytest.approx(1.0, abs=0.01)


def test_numbers_in_another_unit_are_told_before_lesser_changes(reference):
    table = customers(800, seed=5)
    months = [m and str(int(m) * 30) for m in table["months"].to_pylist()]
    gone = [p if i % 5 else None for i, p in enumerate(table["plan"].to_pylist())]
    table = table.set_column(2, "months", pa.array(months)).set_column(1, "plan", pa.array(gone))
    assert [f.columns for f in check_drift(reference, typed(table))] == [("months",)]


def test_a_raw_table_is_read_by_the_types_of_training(reference):
    table = customers(400, seed=7)
    assert check_table(reference, table) == ()
    cheap = pa.array([f"{i % 3}" for i in range(400)])
    found = check_table(reference, table.set_column(1, "plan", cheap).set_column(4, "since", cheap))
    assert {f.columns[0] for f in found} == {"plan", "since"}


def test_few_rows_give_no_finding(reference):
    assert check_drift(reference, changed("plan", lambda values: [None] * len(values), rows=90)) == ()


def test_the_divergence_is_scipys():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(7))
    q[2] = 0.0
    q /= q.sum()
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert jensen_shannon(p, p) == pytest.approx(0.0, abs=1e-12)
