from collections.abc import Mapping, Sequence
from typing import Any

class Kernel:
    """A plan, mapped from a path or copied from bytes (``native/python.c``)."""

    columns: tuple[str, ...]
    n_outputs: int
    n_slots: int
    value_slots: tuple[int, ...]
    reads_numbers: tuple[bool | None, ...]
    calibration: tuple[str, float]
    nbytes: int
    data: bytes
    meta_json: bytes

    def __new__(cls, source: str | bytes, verify: bool = True) -> Kernel: ...
    def score(self, record: Mapping[str, Any], /) -> tuple[float, ...]: ...
    def score_rows(self, records: Sequence[Mapping[str, Any]], /) -> list[tuple[float, ...]]: ...
    def score_columns(self, columns: Sequence[Any], rows: int, threads: int = 1, /) -> bytes: ...
    def margins(self, record: Mapping[str, Any], /) -> tuple[float, ...]: ...
    def encode(self, record: Mapping[str, Any], /) -> bytes: ...
    def explain(self, record: Mapping[str, Any], output: int = 0) -> tuple[float, ...]: ...
    def unseen(self, column: int, word: str, /) -> bool: ...
    def close(self) -> None: ...

def parse_numbers(
    values: list[Any],
    decimal_comma: bool,
    unit_tail: bool,
    clock: bool,
    nulls: bytes,
    entries: bytes,
    strings: bytes,
    max_probe: int,
    max_bytes: int,
    key: int,
    factors: bytes,
    /,
) -> bytes: ...
def parse_dates(values: list[Any], order: int, digits: int, /) -> bytes: ...
def category_word(value: Any, /) -> str | None: ...
def tokens(text: str, scripts: bool = False, /) -> list[str]: ...
def text_matrix(
    values: list[Any],
    entries: bytes,
    strings: bytes,
    max_probe: int,
    max_bytes: int,
    key: int,
    idf: bytes,
    tf: bytes,
    scripts: bool = False,
    /,
) -> tuple[bytes, bytes, bytes]: ...
