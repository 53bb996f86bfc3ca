import datetime as dt

import pyarrow as pa
import pytest

from tenantry.apps import Filter
from tenantry.apps.filters import apply_filters
from tenantry.errors import InvalidRequest

TABLE = pa.table(
    {
        "row": [0, 1, 2, 3, 4],
        "text": ["9", " 10 ", "1,200", "n/a", None],
        "word": ["Yes", "no", " Yes ", "", None],
        "flag": [True, False, None, True, False],
        "number": [9.0, 10.0, float("nan"), None, 1200.0],
        "day": pa.array(
            [dt.date(2024, 1, 5), dt.date(2024, 2, 1), None, dt.date(2025, 1, 1), dt.date(2024, 1, 4)]
        ),
    }
)


@pytest.mark.parametrize(
    ("column", "op", "value", "rows"),
    [
        ("text", ">", 9, [1, 2]),
        ("text", ">=", 9, [0, 1, 2]),
        ("text", "<", 100.0, [0, 1]),
        ("text", "==", 10, [1]),
        ("text", "==", 1200, [2]),
        ("text", "==", "10", [1]),
        ("text", "in", [9, "n/a"], [0, 3]),
        ("text", "!=", 10, [0, 2, 3, 4]),
        ("text", "is null", None, [4]),
        ("word", "==", "Yes", [0, 2]),
        ("word", "!=", "Yes", [1, 3, 4]),
        ("word", "not in", ["Yes", "no"], [3, 4]),
        ("word", "is null", None, [3, 4]),
        ("word", "is not null", None, [0, 1, 2]),
        ("flag", "==", True, [0, 3]),
        ("flag", "==", "true", [0, 3]),
        ("flag", "!=", True, [1, 2, 4]),
        ("number", "<=", 10, [0, 1]),
        ("number", "is null", None, [2, 3]),
        ("number", "in", [9, 1200], [0, 4]),
        ("day", ">=", "2024-01-05", [0, 1, 3]),
        ("day", "<", "2024-01-05", [4]),
    ],
)
def test_a_condition_keeps_the_rows_for_which_it_holds(
    column: str, op: str, value: object, rows: list[int]
) -> None:
    condition = Filter(column=column, op=op, value=value)  # type: ignore[arg-type]
    assert apply_filters(TABLE, [condition])["row"].to_pylist() == rows


def test_all_conditions_must_hold_and_none_keeps_everything() -> None:
    both = [Filter(column="word", op="==", value="Yes"), Filter(column="text", op=">", value=9)]
    assert apply_filters(TABLE, both)["row"].to_pylist() == [2]
    assert apply_filters(TABLE, []) is TABLE
    assert apply_filters(TABLE.slice(0, 0), both).num_rows == 0


def test_a_missing_column_is_told() -> None:
    with pytest.raises(InvalidRequest) as caught:
        apply_filters(TABLE, [Filter(column="none", op="is null")])
    assert caught.value.code == "column_missing"
