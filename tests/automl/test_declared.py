"""Types that the definition says, in place of what is found."""

import pyarrow as pa
import pytest

from tenantry.automl.typing import type_table
from tenantry.errors import InvalidData, InvalidRequest
from tenantry.schema import SemanticType

TABLE = pa.table(
    {
        "code": ["1", "2", "3", "4"] * 10,
        "amount": ["12", "15", "about 7", "8", "9"] * 8,
        "day": ["3/4/2020", "5/6/2021", "7/8/2022", "soon"] * 10,
        "serial": [43835, 44561, 43646, 43000] * 10,
        "name": ["Ann", "Bob", "Cy", "Di"] * 10,
        "nothing": [None] * 40,
    }
)


def declared(name, kind):
    return type_table(TABLE, [name], {name: kind})[0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("code", SemanticType.CATEGORY),
        ("code", SemanticType.IDENTIFIER),
        ("serial", SemanticType.DATE),
        ("name", SemanticType.TEXT),
        ("name", SemanticType.COUNTRY),
    ],
)
def test_what_the_definition_says_holds(name, kind):
    assert type_table(TABLE, [name])[0].type is not kind
    column = declared(name, kind)
    assert column.type is kind
    assert column.evidence.startswith("as the definition says")


def test_spreadsheet_days_are_read_where_somebody_says_that_they_are_dates():
    column = declared("serial", SemanticType.DATE)
    assert column.dates()[0, 0] == 18266  # 2020-01-05
    assert column.digits == "excel"


@pytest.mark.parametrize(
    ("name", "kind", "misfits"),
    [
        ("amount", SemanticType.NUMBER, "8 of its 40 values do not fit, such as 'about 7'"),
        ("name", SemanticType.CURRENCY, "40 of its 40 values"),
        ("day", SemanticType.DATE, "10 of its 40 values do not fit, such as 'soon'"),
        ("name", SemanticType.EMAIL, "40 of its 40 values"),
        ("name", SemanticType.BOOLEAN, "4 different values, not two"),
    ],
)
def test_values_that_do_not_fit_are_counted(name, kind, misfits):
    with pytest.raises(InvalidData) as caught:
        declared(name, kind)
    assert caught.value.code == "type_mismatch"
    assert name in caught.value.message
    assert misfits in caught.value.message


@pytest.mark.parametrize("kind", [SemanticType.CONSTANT, SemanticType.EMPTY])
def test_what_can_only_be_found_cannot_be_declared(kind):
    with pytest.raises(InvalidRequest) as caught:
        declared("code", kind)
    assert caught.value.code == "type_unknown"


def test_a_declared_column_without_a_value_is_empty():
    assert declared("nothing", SemanticType.DATE).type is SemanticType.EMPTY
