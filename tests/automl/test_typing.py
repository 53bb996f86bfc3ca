import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.automl.typing import distinct_values, type_column
from tenantry.schema import NUMERIC_TYPES, SemanticType


def typed(values, name="x", kind=None):
    return type_column(name, distinct_values(pa.array(values, kind)))


def spread(make, rows=200):
    rng = np.random.default_rng(0)
    return [make(rng, i) for i in range(rows)]


MEANINGS = {
    "plain numbers": (spread(lambda r, i: str(r.integers(0, 500))), SemanticType.NUMBER),
    "currency": (spread(lambda r, i: f"${r.uniform(1, 9e4):,.2f}"), SemanticType.CURRENCY),
    "euro": (spread(lambda r, i: f"{r.integers(1, 9999)} €"), SemanticType.CURRENCY),
    "percent": (spread(lambda r, i: f"{r.uniform(0, 100):.1f}%"), SemanticType.PERCENT),
    "quantity": (spread(lambda r, i: f"{r.uniform(5, 30):.1f} km/l"), SemanticType.QUANTITY),
    "iso date": (
        spread(lambda r, i: f"20{r.integers(10, 24)}-0{r.integers(1, 9)}-1{i % 9}"),
        SemanticType.DATE,
    ),
    "time stamp": (spread(lambda r, i: f"2024-01-1{i % 9} 1{i % 9}:0{i % 7}:00"), SemanticType.DATETIME),
    "month name": (
        spread(lambda r, i: f"{r.integers(1, 28)} March 20{r.integers(10, 24)}"),
        SemanticType.DATE,
    ),
    "boolean": (spread(lambda r, i: ["Y", "N"][i % 2]), SemanticType.BOOLEAN),
    "category": (spread(lambda r, i: ["red", "green", "blue"][i % 3]), SemanticType.CATEGORY),
    "long label": (
        spread(lambda r, i: f"Office of the {'ABCDEFGH'[i % 8]} secretary"),
        SemanticType.CATEGORY,
    ),
    "ages in words": (spread(lambda r, i: ["18-24", "25-34", "35+"][i % 3]), SemanticType.CATEGORY),
    "ranked words": (spread(lambda r, i: ["01.High", "02.Medium", "03.Low"][i % 3]), SemanticType.CATEGORY),
    "address": (
        spread(lambda r, i: f"{r.integers(1, 99)} {'abcdefgh'[i % 8]}{i} Street West"),
        SemanticType.TEXT,
    ),
    "text": (spread(lambda r, i: f"the printer number {i} on floor {i % 9} is broken"), SemanticType.TEXT),
    "uuid": (spread(lambda r, i: f"{i:08x}-0000-4000-8000-{i:012x}"), SemanticType.IDENTIFIER),
    "order number": (spread(lambda r, i: f"SO-{i:06d}"), SemanticType.IDENTIFIER),
    "row number": ([str(i) for i in range(200)], SemanticType.IDENTIFIER),
    "email": (spread(lambda r, i: f"user{i}@mail{i % 5}.example.com"), SemanticType.EMAIL),
    "url": (spread(lambda r, i: f"https://example.com/{i % 40}"), SemanticType.URL),
    "phone": (spread(lambda r, i: f"+44 (0)20 7946 0{i:03d}"), SemanticType.PHONE),
    "postal code": (spread(lambda r, i: f"0{r.integers(1000, 1099)}"), SemanticType.POSTAL_CODE),
    "country": (
        spread(lambda r, i: ["Germany", "United States", "Peru", "France"][i % 4]),
        SemanticType.COUNTRY,
    ),
    "constant": (["same"] * 200, SemanticType.CONSTANT),
    "null words": (["?"] * 100 + ["n/a"] * 100, SemanticType.EMPTY),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_texts_get_their_meaning_with_evidence(name):
    values, meaning = MEANINGS[name]
    found = typed(values)
    assert found.type is meaning, found.evidence
    assert found.evidence


TYPED = {
    "float": ([i / 7 for i in range(100)], None, SemanticType.NUMBER),
    "int": ([(i * 7919) % 60 for i in range(100)], pa.int32(), SemanticType.NUMBER),
    "decimal": ([decimal.Decimal(i % 50) / 4 for i in range(100)], None, SemanticType.NUMBER),
    "bool": ([i % 3 == 0 for i in range(100)], None, SemanticType.BOOLEAN),
    "date": ([dt.date(2020, 1, 1 + i % 28) for i in range(100)], None, SemanticType.DATE),
    "timestamp": (
        pa.array([i * 3_600_000_000 for i in range(100)], pa.timestamp("us")).to_pylist(),
        None,
        SemanticType.DATETIME,
    ),
    "zoned": (
        [dt.datetime(2020, 1, 1 + i % 20, i % 24, tzinfo=dt.UTC) for i in range(100)],
        None,
        SemanticType.DATETIME,
    ),
    "nested": ([{"a": i % 3} for i in range(100)], None, SemanticType.CATEGORY),
    "nulls": ([None] * 100, pa.null(), SemanticType.EMPTY),
    "bytes": ([b"red", b"blue"] * 50, None, SemanticType.CATEGORY),
}


@pytest.mark.parametrize("name", TYPED)
def test_typed_arrow_columns_keep_their_meaning(name):
    values, kind, meaning = TYPED[name]
    assert typed(values, kind=kind).type is meaning


def test_a_column_of_unique_floats_or_texts_is_no_identifier():
    assert typed([str(i * 1.37) for i in range(300)]).type is SemanticType.NUMBER
    names = [f"Mr {chr(65 + i % 26)}{chr(97 + i % 7)}lan the {i}th of Kent" for i in range(300)]
    assert typed(names).type is SemanticType.TEXT


def test_years_are_numbers_though_unique():
    assert typed([str(1900 + i) for i in range(100)]).type is SemanticType.NUMBER


def test_the_order_of_dates_comes_from_the_data():
    us = typed([f"{1 + i % 12}/{1 + i % 28}/2021" for i in range(200)])
    uk = typed([f"{1 + i % 28}/{1 + i % 12}/2021" for i in range(200)])
    assert (us.order, uk.order) == ("mdy", "dmy")
    assert "month first" in us.evidence
    assert np.array_equal(us.dates(), uk.dates())


def test_a_decimal_comma_is_found():
    column = typed([f"{i * 3},{i % 100:02d}" for i in range(200)])
    assert column.format.decimal == ","
    assert column.numbers()[7] == pytest.approx(21.07)


def test_a_sentinel_far_from_all_other_values_means_missing():
    column = typed([str(i % 28) if i % 3 else "999" for i in range(300)])
    assert column.format.nulls == (999.0,)
    assert np.isnan(column.numbers()[0])
    assert "999" in column.evidence


def test_a_high_value_that_follows_the_others_is_no_sentinel():
    column = typed([str(v) for v in [*range(950, 1000), 999, 999, 999, 999, 999, 999]])
    assert column.format.nulls == ()


def test_words_among_numbers_are_missing():
    column = typed([str(i % 60) if i % 4 else "unknown" for i in range(300)])
    assert column.type is SemanticType.NUMBER
    assert "unknown" in column.null_words
    assert np.isnan(column.numbers()[0])


def test_select_is_missing_in_a_category_and_na_is_namibia_among_codes():
    column = typed(["Select", "Mumbai", "Pune", "Other"] * 50)
    assert column.null_words == ("Select",)
    assert column.missing_rows().sum() == 50
    codes = typed(["NA", "DE", "FR", "US", "ZA"] * 40)
    assert codes.null_words == ()


def test_white_space_around_a_value_does_not_count():
    column = typed([" red", "red ", "blue", ""] * 30)
    assert column.words()[1] == ("red", "blue")
    assert column.missing_rows().sum() == 30


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=12), st.floats(width=32).map(str), st.integers().map(str)),
        min_size=1,
        max_size=60,
    )
)
def test_any_column_gets_a_type_and_can_be_read(values):
    column = typed(values, kind=pa.string())
    assert column.type in SemanticType
    assert len(column.missing_rows()) == len(values)
    if column.type in NUMERIC_TYPES:
        assert np.isfinite(column.numbers()[~column.missing_rows()]).all()
    part = column.take(np.arange(0, len(values), 2))
    assert part.values.rows == (len(values) + 1) // 2
