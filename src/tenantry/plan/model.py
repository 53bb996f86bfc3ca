"""An open plan: raw records in, calibrated scores and their attributions out.

Loads neither NumPy nor anything else beyond the kernel and msgspec, so that a scoring process stays small.
"""

import os
from collections import deque
from contextlib import suppress
from typing import ClassVar, Self
from weakref import ReferenceType, ref

import msgspec

from tenantry.errors import Corrupt
from tenantry.plan._kernel import Kernel
from tenantry.plan.meta import PlanHead, PlanMeta

_META = msgspec.json.Decoder(PlanMeta)
_HEAD = msgspec.json.Decoder(PlanHead)
KEPT_METAS = 256
"""How many plans of a process keep their decoded description, which may be larger than all else that one holds."""
_with_meta: deque["ReferenceType[Plan]"] = deque()


class Plan(Kernel):
    """A plan file, memory-mapped (:meth:`open`) or copied (:meth:`from_bytes`), checked once.

    A record is a mapping of column names to text, numbers, booleans or ``None``; absent columns are missing, unknown
    fields are ignored. One record scores as the same record in a batch does, bit for bit, whatever the threads. From 32
    rows on, the interpreter's lock is given up while the forest is scored, and all the time where no column is a list.
    Not for use by two threads at once in an interpreter that has no such lock.

    ``score(record)`` gives calibrated scores (``(p_positive,)``, the probabilities of all classes, or ``(value,)``);
    ``score_rows(records)`` a list of them; ``score_columns(columns, rows, threads=1)`` float64 bytes, rows × outputs,
    from one entry a column (``None``, a list, a buffer of float64, or a pair of buffers as Arrow keeps text: int32
    offsets and UTF-8), in at most so many threads; ``margins(record)`` the margins before calibration;
    ``encode(record)`` the float32 slots as bytes; ``explain(record, output=0)`` one Shapley value a column, in margin
    space, which add up to the margin less ``meta.expected[output]``; ``unseen(column, word)`` whether the column (by
    number) is a category without an entry for the word; ``calibration`` the kind and the factor on the margin;
    ``reads_numbers`` of each column whether it is read as a number (None: also, beside words);
    ``close()`` unmaps.

    Errors: ``Corrupt`` (plan_corrupt), ``Unsupported`` (plan_version), ``InvalidData`` (record_value), ``OSError`` for
    a path that cannot be opened, ``ValueError`` after closing.
    """

    __slots__ = ("__weakref__", "_meta")

    batch: ClassVar[int] = 1
    """Scoring several records at once saves nothing."""

    _meta: PlanMeta

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Self:
        """Map a file. ``verify=False`` skips the checksum (never the bounds)."""
        return cls(os.fspath(path), verify=verify)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Copy a plan from memory."""
        return cls(data)

    @property
    def head(self) -> PlanHead:
        """Signature and target, decoded anew each time."""
        try:
            return _HEAD.decode(self.meta_json)
        except msgspec.MsgspecError as error:
            raise _damaged(error) from error

    @property
    def meta(self) -> PlanMeta:
        """What the plan says of itself; decoded on first use, and again once many other plans were asked since."""
        try:
            return self._meta
        except AttributeError:
            pass
        try:
            meta = self._meta = _META.decode(self.meta_json)
        except msgspec.MsgspecError as error:
            raise _damaged(error) from error
        _with_meta.append(ref(self))
        while len(_with_meta) > KEPT_METAS:
            oldest = _with_meta.popleft()()
            if oldest is not None:
                oldest.forget()
        return meta

    def forget(self) -> None:
        """Let go of the decoded description."""
        with suppress(AttributeError):  # it is not there, or no more
            del self._meta

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _damaged(error: Exception) -> Corrupt:
    return Corrupt("plan_corrupt", f"the plan's description cannot be read: {error}")
