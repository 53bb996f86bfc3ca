"""One column with its meaning."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import I32, Distinct, Raw
from tenantry.automl.typing.words import BOOLEAN_WORDS
from tenantry.plan.ir import DateDigits, DateOrder, ListDelimiter, NumberFormat
from tenantry.plan.kernel import category_word, parse_dates, parse_numbers
from tenantry.plan.parts import geo_point, list_items
from tenantry.schema import NUMERIC_TYPES, SemanticType

F64 = npt.NDArray[np.float64]
PLAIN = NumberFormat()
MAX_STRAYS = 50
"""Words among numbers and dates that a column keeps, to be shown."""

DATE_TYPES = frozenset({SemanticType.DATE, SemanticType.DATETIME})
TEXT_TYPES = frozenset({SemanticType.TEXT, SemanticType.EMAIL, SemanticType.URL})


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column, its type, the evidence for it in words, and how its values are read.

    ``null_words`` are the texts found to mean missing; ``format``, ``order`` and ``digits`` say how numbers and dates
    are written, ``null_days`` which dates mean missing, ``delimiter`` what parts the items of a list.
    """

    name: str
    type: SemanticType
    evidence: str
    values: Distinct
    null_words: tuple[str, ...] = ()
    format: NumberFormat = PLAIN
    order: DateOrder = "ymd"
    digits: DateDigits = ""
    null_days: tuple[float, ...] = ()
    delimiter: ListDelimiter = ""
    _read: dict[str, F64] = field(default_factory=dict, compare=False, repr=False)
    """What was read already; not to be changed by who gets it."""

    def numbers(self) -> F64:
        """One float a row; NaN where missing. Meant for the numeric types."""
        if "numbers" not in self._read:
            self._read["numbers"] = self._spread(parse_numbers(list(self.values.values), self.format))
        return self._read["numbers"]

    def dates(self) -> F64:
        """Rows × (days, month, weekday, day, hour, year day, week); NaN where missing. Meant for the date types."""
        if "dates" not in self._read:
            parsed = parse_dates(list(self.values.values), self.order, self.digits)
            parsed[np.isin(parsed[:, 0], self.null_days)] = np.nan
            self._read["dates"] = self._spread(parsed)
        return self._read["dates"]

    def points(self) -> F64:
        """Rows × (latitude, longitude); NaN where missing. Meant for geolocations."""
        if "points" not in self._read:
            parsed = np.array([geo_point(value) for value in self.values.values]).reshape(-1, 2)
            self._read["points"] = self._spread(parsed)
        return self._read["points"]

    def words(self) -> tuple[I32, tuple[str, ...]]:
        """A word number a row (-1 missing) and the words; null words count as missing, and each spelling of a boolean
        as the first of its truth."""
        nulls = set(self.null_words)
        same = self._truths() if self.type is SemanticType.BOOLEAN else {}
        place = np.full(len(self.values.values) + 1, -1, dtype=np.int32)
        words: dict[str, int] = {}
        for i, value in enumerate(self.values.values):
            word = category_text(value)
            if word not in nulls:
                word = same.get(word, word)
                place[i] = words.setdefault(word, len(words))
        return place[self.values.codes], tuple(words)

    def _truths(self) -> dict[str, str]:
        """Spelling → the first spelling of the same truth."""
        first: dict[bool, str] = {}
        spellings = [w for w in map(category_text, self.values.values) if w.lower() in BOOLEAN_WORDS]
        return {word: first.setdefault(BOOLEAN_WORDS[word.lower()], word) for word in spellings}

    def texts(self) -> list[str | None]:
        """The text of each row, None where missing."""
        texts: list[str | None] = [category_text(value) for value in self.values.values]
        texts.append(None)
        return [texts[code] for code in self.values.codes]

    def lists(self) -> list[list[str] | None]:
        """The items of each row's list, None where missing. Meant for lists."""
        found: list[list[str] | None] = [list_items(value, self.delimiter) for value in self.values.values]
        found.append(None)
        return [found[code] for code in self.values.codes]

    def missing_rows(self) -> npt.NDArray[np.bool_]:
        """Which rows have no usable value."""
        if self.type in NUMERIC_TYPES:
            return np.isnan(self.numbers())
        if self.type in DATE_TYPES:
            return np.isnan(self.dates()[:, 0])
        if self.type is SemanticType.GEOLOCATION:
            return np.isnan(self.points()[:, 0])
        return np.asarray(self.words()[0] < 0)

    def take(self, rows: npt.NDArray[np.int64]) -> "TypedColumn":
        """The same column, typed the same, with these rows only."""
        return replace(self, values=self.values.take(rows), _read={})

    def _spread(self, parsed: F64) -> F64:
        """From one entry a distinct value to one a row."""
        tail = np.full((1, *parsed.shape[1:]), np.nan)
        return np.concatenate((parsed, tail))[self.values.codes]


def category_text(value: Raw) -> str:
    """The word of a value as the plan compares it (never null here)."""
    return category_word(value) or ""
