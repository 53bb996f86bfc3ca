"""The reading grammar: golden cases, and the C kernel equal to the Python reference bit for bit."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.specs import DATES, NUMBERS, TOKENS, WORDS

from tenantry.errors import InvalidData
from tenantry.plan import kernel, parse
from tenantry.plan.dates import civil_from_days, days_from_civil
from tenantry.plan.ir import DateDigits, DateOrder, NumberFormat

POINT, COMMA = NumberFormat(), NumberFormat(decimal=",")
UNITS = NumberFormat(unit_tail=True)
FLT_MAX = parse.FLT_MAX
MANY = settings(max_examples=400, deadline=None)


def both(value: Any, form: NumberFormat = POINT) -> float:
    reference, native = parse.parse_number(value, form), float(kernel.parse_numbers([value], form)[0])
    assert np.float64(reference).tobytes() == np.float64(native).tobytes() or (
        math.isnan(reference) and math.isnan(native)
    )
    return reference


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), (" 1.50\t", 1.5), ("-1", -1), ("+1", 1), ("−1", -1), ("- 1", -1), (".5", 0.5), ("5.", 5),
        ("(12.5)", -12.5), ("( $12 )", -12), ("$1,234.50", 1234.5), ("-$5", -5), ("$-5", -5), ("US$ 5", 5), ("€5", 5),
        ("5 €", 5), ("5EUR", 5), ("eur 5", 5), ("Rs. 1,23,456", 123456), ("5 kr", 5), ("100 zł", 100), ("5%", 5),
        ("5 %", 5),
        ("1'000'000", 1e6), ("1’000", 1000), ("1 234 567.8", 1234567.8), ("1\u00a0234", 1234), ("1\u202f234", 1234),
        ("1e3", 1000), ("1.5E-3", 0.0015), ("2,500e2", 250000), ("0.1", 0.1), ("1e400", FLT_MAX),
        ("-1e400", -FLT_MAX),
        ("1e-400", 0), ("9007199254740993", 9007199254740992),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("2.2250738585072011e-308", 2.225073858507201e-308), ("0" * 900 + "7", 7), ("0x1", None),
        ("1-", -1), ("1,234.50-", -1234.5), ("-1-", None), ("5+", 5), ("4 +", None),
        ("<0.5", 0.5), (">= 10", 10), ("~$3", 3), ("#7", 7), ("≤5", 5), ("<", None), ("$(1,234.50)", -1234.5),
        ("€ (5)", -5), ("$()", None),
        ("", None), ("-", None), ("()", None), ("(-5)", None), ("--5", None), ("$", None), ("A1", None),
        ("1A", None), ("1 2", None),
        ("12,34", None), ("1,2345", None), (",123", None), ("1,,234", None), ("1.2.3", None), ("nan", None),
        ("inf", None),
        ("1e", None), ("1_000", None), ("١٢", None), ("5 km", None), ("2024-01-02", None), ("5\u00a0", 5),
        ("1" * 1001, None),
        ("1,234'567", None), ("1/2", None), ("12:30", None),
    ],
)  # fmt: skip
def test_number_text(text: str, value: float | None) -> None:
    found = both(text)
    assert math.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1,5", 1.5),
        ("1.5", None),
        ("1 234,5 €", 1234.5),
        ("1'234,5", 1234.5),
        ("-,5", -0.5),
        ("1.23.456", 123456),
    ],
)
def test_decimal_comma(text: str, value: float | None) -> None:
    found = both(text, COMMA)
    assert math.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("23.4 km", 23.4), ("5kg", 5), ("12 °C", 12), ("7°", 7), ('19"', 19), ("5'", 5), ("$5/mo", 5),
        ("1 248 CC", 1248),
        ("5 to 10 years", 5), ("74 bhp", 74), ("5e", 5), ("1e5 m", 1e5), ("1/2", None), ("12:30", None),
        ("2024-01-02", None),
        ("5, or so", None), ("about 5", None), ("(5 kg)", -5), ("5\0", None),
    ],
)  # fmt: skip
def test_unit_tail(text: str, value: float | None) -> None:
    found = both(text, UNITS)
    assert math.isnan(found) if value is None else found == value


FACTORS = {"kg": 1.0, "g": 0.001, "ft": 12.0, "in": 1.0, "'": 12.0, '"': 1.0, "h": 60.0, "min": 1.0, "M": 1e6}
FACTORS |= {"k": 1e3, "M USD": 1e6, "/5": 1.0, "m²": 1.0}
MIXED = NumberFormat(units=tuple(FACTORS.items()))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5 kg", 5), ("300 g", 0.3), ("5kg", 5), ("5", 5), ("$5", 5), ("5 ft 11 in", 71), ("5'11\"", 71),
        ("2h30min", 150),
        ("2 h, 30 min", 150), ("-2 h 30 min", -150), ("1.2M", 1.2e6), ("1,200k", 1.2e6), ("$3.5 M USD", 3.5e6),
        ("4.1/5", 4.1), ("80 m²", 80), ("(5 kg)", -5), ("5 lb", None), ("5 kg extra", None), ("5 kg 3", None),
        ("1 in 1 in 1 in 1 in", 4), ("1 in 1 in 1 in 1 in 1 in", None), ("kg", None), ("5 KG", None),
        ("<5 g", 0.005),
    ],
)  # fmt: skip
def test_units(text: str, value: float | None) -> None:
    found = both(text, MIXED)
    assert math.isnan(found) if value is None else found == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("1:30", 1.5), ("01:30:36", 1.51), ("0:00", 0), ("125:15", 125.25), ("12:30 AM", 0.5), ("1:30pm", 13.5),
        ("0:00:01.5", 1.5 / 3600), ("1:60", None), ("1:3", None), ("13:00 PM", None), ("1234:00", None),
        ("1:30:", None),
        ("7.5", 7.5), ("1:30 xm", None), ("0:00:00.", None),
    ],
)  # fmt: skip
def test_clocks_are_read_in_hours(text: str, hours: float | None) -> None:
    found = both(text, NumberFormat(clock=True))
    assert math.isnan(found) if hours is None else found == pytest.approx(hours, rel=1e-15)
    assert math.isnan(both(text)) or ":" not in text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0), (False, 0.0), (3, 3.0), (2**60 + 1, float(2**60 + 1)), (10**400, FLT_MAX),
        (-(10**400), -FLT_MAX),
        (1e300, FLT_MAX), (math.inf, FLT_MAX), (-math.inf, -FLT_MAX), (b" 1,000 ", 1000.0), (np.float32(1.5), 1.5),
        (np.int64(7), 7.0), (np.bool_(True), 1.0), (np.str_("2"), 2.0), (Decimal("1.25"), 1.25), (None, None),
        (math.nan, None),
        (dt.date(2024, 1, 2), None),
    ],
)  # fmt: skip
def test_values_that_are_no_text(value: Any, number: float | None) -> None:
    found = both(value)
    assert math.isnan(found) if number is None else found == number


def test_null_numbers_are_missing_however_they_are_written() -> None:
    form = NumberFormat(nulls=(999.0, -1.0))
    assert np.isnan([both(value, form) for value in (999, "999", "999.00", "$999", -1, "(1)")]).all()
    assert both(998, form) == 998


@pytest.mark.parametrize("value", [[1], (1,), {"a": 1}, {1}, frozenset()])
def test_containers_are_refused(value: Any) -> None:
    for read in (
        lambda: kernel.parse_numbers([value], POINT),
        lambda: parse.parse_numbers([value], POINT),
        lambda: kernel.category_word(value),
        lambda: parse.category_word(value),
        lambda: kernel.parse_dates([value], "ymd"),
        lambda: parse.parse_dates([value], "ymd"),
    ):
        with pytest.raises(InvalidData) as caught:
            read()
        assert caught.value.code == "record_value"


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2024-03-05", "dmy", "2024-03-05"), ("2024/3/5", "mdy", "2024-03-05"), ("2024.03.05", "ymd", "2024-03-05"),
        ("20240305", "ymd", "2024-03-05"), ("20240305", "mdy", None), ("3/4/2024", "mdy", "2024-03-04"),
        ("3/4/2024", "ymd", None),
        ("3/4/2024", "dmy", "2024-04-03"), ("13/4/2024", "mdy", None), ("31.12.99", "dmy", "1999-12-31"),
        ("1-2-68", "dmy", "2068-02-01"), ("1-2-69", "dmy", "1969-02-01"), ("1/2-2024", "dmy", None),
        ("Mar 5, 2024", "dmy", "2024-03-05"),
        ("5 March 2024", "mdy", "2024-03-05"), ("05-Mar-24", "ymd", "2024-03-05"),
        ("5th March 2024", "ymd", "2024-03-05"),
        ("2024 Mar 5", "mdy", "2024-03-05"), ("Sept. 3, 1999", "ymd", "1999-09-03"),
        ("Mär 5, 2024", "ymd", "2024-03-05"), ("5. März 2024", "ymd", "2024-03-05"),
        ("5 août 2024", "ymd", "2024-08-05"), ("5 de enero de 2024", "mdy", "2024-01-05"),
        ("5th of March 2024", "ymd", "2024-03-05"), ("2024-03", "mdy", "2024-03-01"), ("03/2024", "ymd", "2024-03-01"),
        ("3.2024", "dmy", None), ("Mar 2024", "ymd", "2024-03-01"), ("Mar-24", "dmy", "2024-03-01"),
        ("Mar 24", "ymd", None), ("2024Q3", "ymd", "2024-07-01"), ("2024-Q3", "ymd", "2024-07-01"),
        ("Q4 2024", "ymd", "2024-10-01"), ("Q5 2024", "ymd", None), ("2024Q", "ymd", None),
        ("20240305T061500", "ymd", "2024-03-05T06:15"), ("20240305061500", "ymd", "2024-03-05T06:15"),
        ("20240305061500", "mdy", None), ("3/4/2024 3 PM", "mdy", "2024-03-04T15:00"),
        ("3/4/2024 3:15\u202fp.m.", "mdy", "2024-03-04T15:15"), ("Mar 5, 2024 at 6:00 AM", "mdy", "2024-03-05T06:00"),
        ("05/Mar/2024:06:15:00 +0000", "dmy", "2024-03-05T06:15"), ("2024-03-05 10:00 EST", "ymd", "2024-03-05T15:00"),
        ("Tue Mar 05 2024 10:00:00 GMT+0100 (CET)", "ymd", "2024-03-05T09:00"),
        ("2024-03-05T10:00:00+01:00[Europe/Berlin]", "ymd", "2024-03-05T09:00"),
        ("Tue, 5 Mar 2024", "ymd", "2024-03-05"), ("2023-02-29", "ymd", None), ("2024-02-29", "ymd", "2024-02-29"),
        ("1900-02-29", "ymd", None), ("2024-13-01", "ymd", None), ("0000-01-01", "ymd", None),
        ("0001-01-01", "ymd", "0001-01-01"),
        ("2024-03-05T06:00", "ymd", "2024-03-05T06:00"), ("2024-03-05 06:00:30.25", "ymd", "2024-03-05T06:00:30.25"),
        ("2024-03-05t06:00:00Z", "ymd", "2024-03-05T06:00"), ("2024-03-05 00:30+01:00", "ymd", "2024-03-04T23:30"),
        ("2024-12-31 23:30:00 -0130", "ymd", "2025-01-01T01:00"), ("3/4/2024 3:15 PM", "mdy", "2024-03-04T15:15"),
        ("3/4/2024, 12:00am", "mdy", "2024-03-04"), ("3/4/2024 13:00 PM", "mdy", None),
        ("2024-03-05 24:00", "ymd", None),
        ("2024-03-05 6", "ymd", None), ("2024-03-05T", "ymd", None),
        ("2024-03-05 10:00 CET", "ymd", "2024-03-05T09:00"),
        ("2024-03-05 10:00 XYZ", "ymd", None),
        ("", "ymd", None),
        ("yesterday", "ymd", None), ("12", "ymd", None), ("2024-03-05" + " " * 60 + "x", "ymd", None),
        ("2024-03-05\0", "ymd", None),
    ],
)  # fmt: skip
def test_date_text(text: str, order: DateOrder, moment: str | None) -> None:
    found = kernel.parse_dates([text], order)[0]
    np.testing.assert_array_equal(found, parse.parse_dates([text], order)[0])
    if moment is None:
        assert np.isnan(found).all()
        return
    wanted = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
    assert found.tolist() == [
        pytest.approx((wanted - EPOCH) / dt.timedelta(days=1), abs=1e-9),
        wanted.month,
        wanted.weekday(),
        wanted.day,
        wanted.hour,
        wanted.timetuple().tm_yday,
        wanted.isocalendar().week,
    ]


@pytest.mark.parametrize(
    ("value", "digits", "moment"),
    [
        ("20240305", "day", "2024-03-05"), (20240305, "day", "2024-03-05"), ("3/4/2024", "day", "2024-03-04"),
        ("20240335", "day", None), (202403, "month", "2024-03-01"), (202413, "month", None),
        (1709619300, "seconds", "2024-03-05T06:15"), ("1709619300.0", "seconds", "2024-03-05T06:15"),
        (-1, "seconds", "1969-12-31T23:59:59"), (1709619300500, "millis", "2024-03-05T06:15:00.5"),
        (1709619300500000, "micros", "2024-03-05T06:15:00.5"), (45356, "excel", "2024-03-05"),
        (45356.25, "excel", "2024-03-05T06:00"), ("45356", "", None), (-5, "excel", None), (1e17, "seconds", None),
        ("2024-03-05", "excel", "2024-03-05"),
    ],
)  # fmt: skip
def test_numbers_that_are_dates(value: Any, digits: DateDigits, moment: str | None) -> None:
    found = kernel.parse_dates([value], "mdy", digits)[0]
    np.testing.assert_array_equal(found, parse.parse_dates([value], "mdy", digits)[0])
    if moment is None:
        assert np.isnan(found).all()
    else:
        wanted = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
        assert found[0] == pytest.approx((wanted - EPOCH) / dt.timedelta(days=1), abs=1e-9)
        assert found[3:5].tolist() == [wanted.day, wanted.hour]


@given(st.datetimes())
def test_every_date_of_python_reads_back(moment: dt.datetime) -> None:
    for value in (moment, str(moment), moment.isoformat(), np.datetime64(moment, "us")):
        days, *parts = kernel.parse_dates([value], "ymd")[0].tolist()
        assert parse.parse_dates([value], "ymd")[0].tolist() == [days, *parts]
        calendar = (moment.timetuple().tm_yday, moment.isocalendar().week)
        assert parts == [moment.month, moment.weekday(), moment.day, moment.hour, *calendar]
        assert days == pytest.approx((moment.replace(tzinfo=dt.UTC) - EPOCH) / dt.timedelta(days=1), abs=1e-7)


@given(st.integers(-800_000, 3_000_000))
def test_the_calendar_is_its_own_inverse(days: int) -> None:
    assert days_from_civil(*civil_from_days(days)) == days


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (" a b ", "a b"), ("", None), (" \t", None), (None, None), (math.nan, None), (True, "true"),
        (False, "false"), (1, "1"),
        (1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1e14, "100000000000000"), (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1e-7, "1e-07"), (math.inf, "inf"), (10**30, "1" + "0" * 30), (b"x", "x"),
        (np.bool_(False), "false"), (np.int8(3), "3"), (np.float64(2.5), "2.5"), (dt.date(2024, 1, 2), "2024-01-02"),
        (Decimal("1.50"), "1.5"), ("é", "é"),
    ],
)  # fmt: skip
def test_category_words(value: Any, word: str | None) -> None:
    assert parse.category_word(value) == kernel.category_word(value) == word


def test_an_integer_beyond_what_python_prints_is_a_word_of_its_own() -> None:
    assert [parse.category_word(sign * 10**5000) for sign in (1, -1)] == ["inf", "-inf"]
    assert [kernel.category_word(sign * 10**5000) for sign in (1, -1)] == ["inf", "-inf"]


def test_tokens_are_lower_case_runs_and_their_pairs() -> None:
    text = "Hello, the World's a bé " + "x" * 65 + " ok"
    wanted = ["hello", "the", "hello the", "world", "the world", "bé", "world bé", "ok", "bé ok"]
    assert parse.tokens(text) == kernel.tokens(text) == wanted


def test_tf_idf_counts_pairs_and_clips_at_sixteen() -> None:
    known = ("late", "late late", "ok")
    idf = np.array([1.0, 0.5, 2.0], np.float32)
    data, indices, ends = kernel.text_matrix(["late " * 40, None, "none of them", "ok"], known, idf)
    assert (indices.tolist(), ends.tolist()) == ([0, 1, 2], [0, 2, 2, 2, 3])
    assert data.tolist() == [round(256 * w / math.hypot(1, 0.5)) / 256 for w in (1, 0.5)] + [1.0]


_DAY = "[0-9]{1,4}[-/. ][0-9]{1,3}[-/. ][0-9]{1,4}"
_HOUR = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,12})?)?"
values = st.one_of(
    st.sampled_from((*WORDS, *NUMBERS, *DATES)),
    st.text(max_size=30),
    st.text(alphabet="0123456789.,' ()$€-+%eEkg\u00a0\u2009", max_size=14),
    st.text(alphabet="0123456789/-.:TZ +,AaPpMmrchJune", max_size=24),
    st.from_regex(_DAY + "([T ]" + _HOUR + "( ?[AaPp][Mm]|Z|[+-][0-9:]{2,5})?)?", fullmatch=True),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
)
formats = st.builds(
    NumberFormat,
    decimal=st.sampled_from((".", ",")),
    unit_tail=st.booleans(),
    nulls=st.sampled_from(((), (0.0,), (999.0, 1.0))),
)


@MANY
@given(st.lists(values, max_size=20), formats, st.sampled_from(("ymd", "mdy", "dmy")))
def test_the_kernel_reads_as_the_reference_does(
    items: list[Any], form: NumberFormat, order: DateOrder
) -> None:
    np.testing.assert_array_equal(kernel.parse_numbers(items, form), parse.parse_numbers(items, form))
    np.testing.assert_array_equal(kernel.parse_dates(items, order), parse.parse_dates(items, order))
    assert [kernel.category_word(item) for item in items] == [parse.category_word(item) for item in items]


@MANY
@given(st.from_regex(r"[0-9]{0,25}\.?[0-9]{0,25}(e[+-]?[0-9]{1,3})?", fullmatch=True))
def test_decimal_text_is_rounded_as_python_does(text: str) -> None:
    try:
        wanted = min(float(text), FLT_MAX)
    except ValueError:
        wanted = math.nan
    found = both(text)
    assert found == wanted or (math.isnan(found) and math.isnan(wanted))


@MANY
@given(
    st.lists(
        st.one_of(
            st.none(), st.text(max_size=60), st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join)
        ),
        max_size=8,
    )
)
def test_tf_idf_rows_equal_the_reference(texts: list[str | None]) -> None:
    idf = np.linspace(0.5, 3, len(TOKENS), dtype=np.float32)
    for native, reference in zip(
        kernel.text_matrix(texts, TOKENS, idf), parse.text_matrix(texts, TOKENS, idf), strict=True
    ):
        assert native.dtype == reference.dtype
        np.testing.assert_array_equal(native, reference)
    for text in filter(None, texts):
        assert kernel.tokens(text) == parse.tokens(text)
