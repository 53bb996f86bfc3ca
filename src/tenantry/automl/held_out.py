"""The training rows as a later comparison needs them: by hash, as records, and with their honest predictions."""

import hashlib
from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.automl.records import Record, raw_records
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.held_out import U64, HeldOut


@dataclass(frozen=True, slots=True)
class Judged:
    """``rows``: which training rows models that had not seen them have scored; ``y`` and ``predicted`` are theirs
    (class numbers and class probabilities, or values and rows × 1), ``folds`` says which of them one model
    scored. ``columns``: all columns, training rows only."""

    columns: dict[str, TypedColumn]
    features: tuple[str, ...]
    target: str
    rows: I64
    y: np.ndarray
    predicted: F64
    folds: I64 | None = None

    def hashes(self, names: tuple[str, ...]) -> U64 | None:
        """A hash of each scored row over these columns; None where one of them is not in the table."""
        columns = [self.columns[name] for name in names if name in self.columns]
        return _hashes(columns, self.rows) if len(columns) == len(names) else None

    def records(self, names: tuple[str, ...], places: I64) -> list[Record]:
        """Some of the scored rows as a caller would send them; columns that the table lacks are left out."""
        columns = tuple(self.columns[name] for name in names if name in self.columns)
        return raw_records(columns, self.rows[places])

    def kept(self) -> HeldOut:
        """What the bundle keeps: every training row, also those that nobody scored."""
        names = (*self.features, self.target)
        columns = [self.columns[name] for name in names]
        everything = np.arange(columns[0].values.rows, dtype=np.int64)
        predicted = np.full((len(everything), self.predicted.shape[1]), np.nan)
        predicted[self.rows] = self.predicted
        return HeldOut.of(names, _hashes(columns, everything), predicted)


def judged(prepared: Prepared, learned: Learned, target: str) -> Judged:
    """What was found out of fold, with the rows that it belongs to."""
    predicted = learned.predicted if learned.predicted.ndim > 1 else learned.predicted[:, None]
    columns = {column.name: column for column in prepared.columns}
    return Judged(
        columns | {target: prepared.target_column},
        tuple(column.name for column in prepared.features),
        target,
        learned.rows,
        learned.y,
        predicted,
        learned.folds,
    )


def _hashes(columns: list[TypedColumn], rows: I64) -> U64:
    """BLAKE2b of each row's values, 64 bits; two of a million different rows share one with a chance of 3 in 10^8.

    Not a secret: who knows a whole row can find out whether it was in training, and the bundle is the tenant's own.
    """
    spelled = [[*(_spelled(value) for value in column.values.values), b"\x00"] for column in columns]
    parts = [
        [words[code] for code in column.values.codes[rows]]
        for words, column in zip(spelled, columns, strict=True)
    ]
    digests = (hashlib.blake2b(b"\x1f".join(row), digest_size=8).digest() for row in zip(*parts, strict=True))
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _spelled(value: str | float) -> bytes:
    """Numbers alike whether they came as 1 or as 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "surrogatepass")
