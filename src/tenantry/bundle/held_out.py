"""What a bundle keeps of its training rows: which they were, and what was said of each by models that had not seen it.

With this a later version can be compared with this one on the same rows, without either having an advantage: on rows
that this version has learnt from, by these predictions; on others, by its plan.

A row is known by a 64-bit hash of its values. Where there are many rows, those with the smallest hashes are kept: a
sample that is drawn by the rows themselves, so that two versions which saw the same row both keep it or both do not.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from tenantry.errors import Corrupt

U64 = npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

HELD_OUT = "held_out.bin"
MOST_BYTES = 400_000
_EVERYTHING = (1 << 64) - 1


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The file: MessagePack; ``hashes`` little-endian uint64, rising; ``predicted`` float32, rows × outputs."""

    format: int = 1
    columns: tuple[str, ...]
    limit: int
    outputs: int
    hashes: bytes
    predicted: bytes


@dataclass(frozen=True, slots=True)
class HeldOut:
    """``columns`` are hashed, in this order; ``hashes`` (rising) are all training rows whose hash is at most ``limit``;
    ``predicted``: class probabilities or one value a row, NaN where no unseeing model scored it."""

    columns: tuple[str, ...]
    limit: int
    hashes: U64
    predicted: F32

    @classmethod
    def of(cls, columns: tuple[str, ...], hashes: U64, predicted: F64) -> "HeldOut":
        """Keep each row once, and no more rows than fit into 400 kB."""
        kept, first = np.unique(hashes, return_index=True)
        outputs = predicted.shape[1]
        most = MOST_BYTES // (8 + 4 * outputs)
        limit = _EVERYTHING if len(kept) <= most else int(kept[most - 1])
        return cls(columns, limit, kept[:most], predicted[first[:most]].astype(np.float32))

    def encode(self) -> bytes:
        """The bytes of the bundle's file."""
        return msgspec.msgpack.encode(
            _File(
                columns=self.columns,
                limit=self.limit,
                outputs=self.predicted.shape[1],
                hashes=self.hashes.astype("<u8").tobytes(),
                predicted=self.predicted.astype("<f4").tobytes(),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "HeldOut":
        """Read the file. Raises ``Corrupt("bundle_corrupt")``."""
        try:
            file = msgspec.msgpack.decode(data, type=_File)
            hashes = np.frombuffer(file.hashes, dtype="<u8")
            predicted = np.frombuffer(file.predicted, dtype="<f4").reshape(len(hashes), file.outputs)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Corrupt("bundle_corrupt", f"{HELD_OUT} cannot be read: {error}") from error
        return cls(file.columns, file.limit, hashes.astype(np.uint64), predicted.astype(np.float32))

    def places(self, hashes: U64) -> npt.NDArray[np.int64]:
        """Where each hash stands among the kept rows; -1 where it is not one of them."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, at, -1).astype(np.int64)
