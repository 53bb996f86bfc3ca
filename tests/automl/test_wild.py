"""The typing of columns as found in the wild: the type, and how values are read (see :mod:`tests.automl.wild`)."""

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from tests.automl.wild import CASES, ROWS

from tenantry.automl.typing import DATE_TYPES, distinct_values, type_column
from tenantry.schema import NUMERIC_TYPES

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def test_there_are_enough_cases():
    assert len(CASES) >= 120


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1][0]}")
def test_a_column_as_found_in_the_wild(case):
    name, values, kind, readings = case
    rows = [values[i % len(values)] for i in range(max(ROWS, len(values)))]
    column = type_column(name, distinct_values(pa.array(rows)))
    assert column.type is kind, column.evidence
    assert column.evidence
    for raw, wanted in readings.items():
        at = rows.index(raw)
        assert bool(column.missing_rows()[at]) is (wanted is None), (raw, column.evidence)
        if wanted is None:
            continue
        found = float((column.dates()[:, 0] if kind in DATE_TYPES else column.numbers())[at])
        if isinstance(wanted, str):
            moment = dt.datetime.fromisoformat(wanted).replace(tzinfo=dt.UTC) - EPOCH
            assert found == pytest.approx(moment / dt.timedelta(days=1), abs=1e-6), (raw, column.evidence)
        else:
            assert kind in NUMERIC_TYPES
            assert math.isclose(found, wanted, rel_tol=1e-6), (raw, found, column.evidence)
    assert np.isfinite(column.values.counts).all()
