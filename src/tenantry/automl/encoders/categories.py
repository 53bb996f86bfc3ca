"""Words to numbers: an ordinal code, how often the word came, and what it said about the target.

Target encodings are fitted inside the folds. Training rows get the encoding of the *other* inner folds and a count
without themselves, so a word met once looks in training exactly as an unseen word will look in service, and a word met
twice as one that was met once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenantry.automl.arrays import F32, F64, I32, I64, Bools
from tenantry.automl.encoders.order import natural_key
from tenantry.automl.encoders.slot import Slot
from tenantry.automl.typing import TypedColumn
from tenantry.plan.ir import WordPart
from tenantry.plan.kernel import category_word
from tenantry.plan.parts import word_part
from tenantry.schema import SemanticType

SMOOTHING = 5.0
"""Rows' worth of prior in a target encoding."""
INNER_FOLDS = 5
_SALT = 0x1FE1D
"""Keeps the folds apart from data that were themselves drawn with a small seed."""
MAX_WORDS = 4000
MIN_COUNT = 1
"""A word that came once tells that its next row has a companion, and what became of that one."""
MAX_WORD_BYTES = 1024
MIN_REPEATS = 2.0
"""A part of a word is worth a category where each part is in so many rows on average, and the whole words are not."""
_PARTS: dict[SemanticType, tuple[WordPart, int]] = {
    SemanticType.EMAIL: ("email_domain", 0),
    SemanticType.URL: ("url_domain", 0),
    SemanticType.PHONE: ("prefix", 4),
    SemanticType.POSTAL_CODE: ("prefix", 3),
}
MAX_TARGET_OUTPUTS = 30
"""Beyond this many classes a target encoding per class would be mostly noise, and large."""


@dataclass(frozen=True, slots=True)
class CategoryTable:
    """Rows: one a word (that training rows hold often enough), then missing, then unseen. ``row`` maps word numbers to
    rows. ``values`` is rows × slots."""

    values: F32
    row: I32
    missing_row: int
    unseen_row: int


@dataclass(frozen=True, slots=True)
class CategoryEncoder:
    """One column's words, or a ``part`` of each. ``codes`` holds a word number a row (-1 missing); ``rank`` is each
    word's place in the order that people read (``9``, ``10``; alphabetical where there are no numbers).

    Slots: code (unless there are too many words for an order to mean much), count and one target encoding an output;
    a column of two words needs its code only.
    """

    at: int
    name: str
    words: tuple[str, ...]
    codes: I32
    rank: F32
    outputs: int
    part: WordPart = "word"
    prefix_bytes: int = 0

    @classmethod
    def of(cls, at: int, column: TypedColumn, outputs: int) -> "CategoryEncoder":
        """The encoder of a typed column; ``outputs`` as of the target matrix."""
        part = cls.part_of(at, column, outputs)
        if part is not None:
            return part
        codes, words = column.words()
        return cls(at, column.name, words, codes, _rank(words), _targets(outputs))

    @classmethod
    def part_of(cls, at: int, column: TypedColumn, outputs: int) -> "CategoryEncoder | None":
        """The domain of e-mail addresses and URLs, the first characters of phone numbers and postal codes: where those
        repeat, and whole words hardly do. None for other columns."""
        part, size = _PARTS.get(column.type, ("word", 0))
        values = column.values
        if part == "word" or len(values.values) * MIN_REPEATS <= values.present:
            return None
        # null words have parts too, as the plan will see them
        parts = [word_part(category_word(value), part, size) for value in values.values]
        known = {text: number for number, text in enumerate(dict.fromkeys(p for p in parts if p is not None))}
        if len(known) < 2 or len(known) * MIN_REPEATS > values.present:
            return None
        place: npt.NDArray[np.int32] = np.array(
            [-1 if p is None else known[p] for p in (*parts, None)], np.int32
        )
        words = tuple(known)
        return cls(
            at,
            column.name,
            words,
            place[values.codes],
            _rank(words),
            _targets(outputs),
            part=part,
            prefix_bytes=size,
        )

    @property
    def label(self) -> str:
        """What the words are, for people."""
        names = {"word": "", "prefix": "start of ", "email_domain": "domain of ", "url_domain": "domain of "}
        return names[self.part] + self.name

    @property
    def two_words(self) -> bool:
        """Whether a code alone says everything."""
        return len(self.words) <= 2 and not (self.codes < 0).any()

    def storable(self) -> Bools:
        """Words short enough for the plan's table; longer ones count as unseen."""
        return np.array([len(word.encode()) <= MAX_WORD_BYTES for word in self.words], dtype=bool)

    def slots(self) -> list[Slot]:
        """What the slots are, in order."""
        code = Slot(self.at, "code", self.label)
        if self.two_words:
            return [code]
        targets = [Slot(self.at, "target", f"target rate of {self.label}", k) for k in range(self.outputs)]
        return [code, Slot(self.at, "count", f"how common {self.label} is"), *targets]

    def fit(self, rows: I64, target: F64, link: "Link", seed: int) -> tuple[CategoryTable, F32]:
        """The table from these training rows, and the slots of these rows themselves (out of fold).

        ``target`` is (len(rows), outputs): class indicators, or the standardised value.
        """
        codes = self.codes[rows]
        place = np.where(codes < 0, len(self.words), codes)
        counts = np.bincount(place, minlength=len(self.words) + 1).astype(np.float64)
        table, row = self._rows(counts)
        if self.two_words:
            values = self._code_column(table, row)
            return CategoryTable(values, row, len(values) - 2, len(values) - 1), values[row[codes]]
        sums = _sums(place, target, len(counts))
        words = np.append(table, len(self.words))  # the kept words, then missing
        encoded = link(sums[words], counts[words])
        values = np.zeros((len(table) + 2, 2 + self.outputs), dtype=np.float32)
        values[:, :1] = self._code_column(table, row)
        values[:-1, 1] = counts[words]
        if self.outputs:
            values[:-1, 2:] = encoded
        missing = len(table)
        own = values[np.where(codes < 0, missing, row[codes])]
        known = np.where(codes < 0, True, row[codes] <= missing)
        own[known, 1] = counts[place[known]] - 1
        own[(counts[place] == 1) & (codes >= 0), 0] = values[missing + 1, 0]  # none but this row has the word
        if self.outputs:
            own[:, 2:] = self._out_of_fold(place, target, sums, counts, link, seed)
            own[~known, 2:] = 0
        return CategoryTable(values, row, missing, missing + 1), own

    def apply(self, table: CategoryTable, rows: I64) -> F32:
        """The slots of any rows, as the plan will give them."""
        return table.values[self.table_rows(table, rows)]

    def table_rows(self, table: CategoryTable, rows: I64) -> I32:
        """The table row of each row."""
        codes = self.codes[rows]
        return np.where(codes < 0, table.missing_row, table.row[codes]).astype(np.int32)

    def _rows(self, counts: F64) -> tuple[I64, I32]:
        """The words that get a row of their own, and the row of every word."""
        word_counts = np.where(self.storable(), counts[: len(self.words)], 0.0)
        kept = np.flatnonzero(word_counts >= (1 if self.two_words else MIN_COUNT))
        if len(kept) > MAX_WORDS:
            kept = np.sort(kept[np.argsort(-word_counts[kept], kind="stable")[:MAX_WORDS]])
        row = np.full(len(self.words) + 1, len(kept) + 1, dtype=np.int32)
        row[kept] = np.arange(len(kept), dtype=np.int32)
        return kept.astype(np.int64), row

    def _code_column(self, kept: I64, row: I32) -> F32:  # noqa: ARG002
        """Codes of the kept words; missing is -1 and unseen -2, so that a split can part them from all words."""
        return np.concatenate((self.rank[kept], [-1.0, -2.0])).astype(np.float32)[:, None]

    def _out_of_fold(self, place: I64, target: F64, sums: F64, counts: F64, link: "Link", seed: int) -> F64:
        folds = np.random.default_rng((_SALT, seed, self.at)).integers(0, INNER_FOLDS, len(place))
        encoded = np.zeros((len(place), self.outputs))
        for fold in range(INNER_FOLDS):
            inside = folds == fold
            gone = place[inside]
            others = sums - _sums(gone, target[inside], len(counts))
            left = counts - np.bincount(gone, minlength=len(counts))
            encoded[inside] = link(others, left)[gone]
        return encoded


@dataclass(frozen=True, slots=True)
class Link:
    """From sums and counts to an encoding that is 0 where nothing is known: log odds against the prior for classes
    (against all others), the shrunk mean for values."""

    prior: F64
    classes: bool

    def __call__(self, sums: F64, counts: F64) -> F64:
        """(words, outputs) and (words,) → (words, outputs)."""
        mean = (sums + SMOOTHING * self.prior) / (counts + SMOOTHING)[:, None]
        if not self.classes:
            return np.asarray(mean - self.prior)
        share = np.clip(mean, 1e-6, 1 - 1e-6)
        prior = np.clip(self.prior, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(share / (1 - share)) - np.log(prior / (1 - prior)))


def _rank(words: tuple[str, ...]) -> F32:
    rank = np.empty(len(words), dtype=np.float32)
    rank[sorted(range(len(words)), key=lambda i: natural_key(words[i]))] = np.arange(
        len(words), dtype=np.float32
    )
    return rank


def _targets(outputs: int) -> int:
    return outputs if outputs <= MAX_TARGET_OUTPUTS else 0


def _sums(place: I64, target: F64, size: int) -> F64:
    return np.column_stack([np.bincount(place, target[:, k], minlength=size) for k in range(target.shape[1])])
