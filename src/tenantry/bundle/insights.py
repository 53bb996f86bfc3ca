"""Insights: what a model rests on and where it fails, as lists ready to plot, and the sample of records that similar
ones are found in. Two files of the bundle, which older bundles lack; the command line, the console and the SDK only
draw them.
"""

import zlib
from typing import Any, Literal

import msgspec

from tenantry.errors import Corrupt, NotFound
from tenantry.schema import SemanticType, Task

FORMAT = 1
MAX_SAMPLE_BYTES = 64 * 1024 * 1024
"""Most that a sample may unpack to; real ones are below 2 MB."""


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a column's values: a number or date above ``low`` up to ``high``, a word, all other words, or
    missing. ``count``: training records in it; ``value``: the one that is scored for it."""

    label: str
    kind: Literal["range", "word", "other", "missing"]
    count: int
    share: float
    low: float | None = None
    high: float | None = None
    value: Any = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One output over a column's bins: of two classes the positive one, one a class of several, or the value.

    ``score``: the mean score of a sample of records if all of them had the bin's value (partial dependence);
    ``low`` and ``high``: nine in ten of those records are above and below; ``spread``: the standard deviation of how
    they move, 0 where the column moves all of them alike. ``outcome``: the mean outcome of the bin's own records;
    ``predicted``: their mean out-of-fold score. None where there is nothing to say.
    """

    name: str | None
    score: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    spread: tuple[float | None, ...]
    outcome: tuple[float | None, ...]
    predicted: tuple[float | None, ...]


class Dependence(msgspec.Struct, frozen=True, kw_only=True):
    """How the score goes with one column, all else as it is. ``records``: the size of the sample that was scored."""

    column: str
    type: SemanticType
    impact: float
    unit: str
    records: int
    bins: tuple[Bin, ...]
    series: tuple[Series, ...]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition on a raw column: ``low`` < number or days ≤ ``high``, the word, or missing."""

    column: str
    text: str
    low: float | None = None
    high: float | None = None
    word: str | None = None
    missing: bool = False


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Records for which the model does worse than for the rest, and not by chance.

    ``kind``: ``error`` (it misses by more), ``too_high`` or ``too_low`` (its scores are, on average). Found in one
    half of the out-of-fold predictions; ``value``, ``rest`` and ``p_value`` are of the other half. ``value`` and
    ``rest``: the mean miss in and outside the segment, or the mean score and the mean outcome in it. ``promised``: the
    mean miss if the scores in it were true; a segment that misses as much as promised is hard, not mistaken.
    """

    kind: Literal["error", "too_high", "too_low"]
    conditions: tuple[Condition, ...]
    text: str
    rows: int
    share: float
    value: float
    rest: float
    promised: float | None = None
    p_value: float


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """``insights.json``. ``score`` says what scores are of, ``miss`` what a miss is; ``impact`` sums to 1 over the
    columns, the largest first; ``segments_tried`` is among how many the failing ones were found."""

    format: int = FORMAT
    target: str
    task: Task
    classes: tuple[str, ...]
    positive_class: str | None
    score: str
    miss: str
    rows: int
    impact: tuple[tuple[str, float], ...]
    dependence: tuple[Dependence, ...]
    segments: tuple[Segment, ...]
    segments_tried: int
    similar_records: int


class SampleColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the sample: record i holds ``values[codes[i]]``, or nothing where the code is -1. ``places``: where
    each value of a number or date stands among the training records, 0–1 (None: reads as missing); empty for words."""

    name: str
    values: tuple[str | float | int, ...]
    codes: tuple[int, ...]
    places: tuple[float | None, ...] = ()


class RecordSample(msgspec.Struct, frozen=True, kw_only=True):
    """``similar.json.z``: records that were learnt from, with their outcomes and out-of-fold scores (``None``: not
    scored so).

    ``key`` is the record key's column, where the definition names one; ``left_out``: columns of the model that are not
    kept. ``parts``: each output's contributions of the columns ``explained``, in steps of ``step``: for each output
    and each column in turn, one a record.
    """

    format: int = FORMAT
    columns: tuple[SampleColumn, ...]
    outcomes: tuple[str | float, ...]
    scores: tuple[float | None, ...]
    key: SampleColumn | None = None
    left_out: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    parts: tuple[tuple[int, ...], ...] = ()
    step: float = 1.0
    total: int


def pack_sample(sample: RecordSample) -> bytes:
    """The bytes of the file: JSON, deflated; the same sample gives the same bytes."""
    return zlib.compress(msgspec.json.encode(sample), 9)


def read_insights(data: bytes | None) -> Insights:
    """Decode ``insights.json``. Raises ``NotFound("insights_missing")`` for None, ``Corrupt("bundle_corrupt")``."""
    if data is None:
        raise NotFound("insights_missing", "this version was trained without insights")
    try:
        return msgspec.json.decode(data, type=Insights)
    except msgspec.MsgspecError as error:
        raise Corrupt("bundle_corrupt", f"the insights are unreadable: {error}") from error


def read_sample(data: bytes | None) -> RecordSample:
    """Unpack ``similar.json.z``. Raises ``NotFound("similar_missing")`` for None, ``Corrupt("bundle_corrupt")``."""
    if data is None:
        raise NotFound("similar_missing", "this version keeps no sample of its training records")
    try:
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(data, MAX_SAMPLE_BYTES)
        if not unpacker.eof:
            raise Corrupt(
                "bundle_corrupt", "the sample of records is cut, or larger than any that is written"
            )
        sample = msgspec.json.decode(plain, type=RecordSample)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Corrupt("bundle_corrupt", f"the sample of records is unreadable: {error}") from error
    _check(sample)
    return sample


def _check(sample: RecordSample) -> None:
    count = len(sample.outcomes)
    columns = sample.columns if sample.key is None else (*sample.columns, sample.key)
    for column in columns:
        fits = len(column.codes) == count and len(column.places) in (0, len(column.values))
        if not fits or any(not -1 <= code < len(column.values) for code in column.codes):
            raise Corrupt("bundle_corrupt", f"the sample's column {column.name!r} does not fit its records")
    uneven = any(len(part) != count for part in sample.parts) or len(sample.scores) != count
    if uneven or len(sample.parts) % max(1, len(sample.explained)):
        raise Corrupt("bundle_corrupt", "the sample's scores or contributions do not fit its records")
