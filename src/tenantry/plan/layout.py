"""The plan file's structures, as NumPy sees them (the C side is ``native/plan.h``; the prose, docs/plan-format.md)."""

from enum import IntEnum

import numpy as np

from tenantry.plan.ir import WordPart
from tenantry.schema import Task

MAGIC = b"TNPLAN\r\n"
BYTE_ORDER = 0x01020304
VERSION = 2
"""The version that is written."""
READ_VERSIONS = (1, 2)
NONE = 0xFFFFFFFF
NO_ROW = 0xFFFF
NO_EDGE = 0xFF
LEAF = 128
SPARE_NODES = 128
MAX_OUTPUTS = 1024
MAX_WORD_BYTES = 4096
MAX_PROBE = 16
MAX_NULLS = 16
MAX_UNITS = 255
MAX_UNIT_BYTES = 64
PAGE = 4096

TASKS = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
ORDERS = ("ymd", "mdy", "dmy")
DIGITS = ("", "day", "month", "seconds", "millis", "micros", "excel")
LATER_PARTS = ("slots", "n_slots")
"""The fields that hold 1 + the slot of a date's year day and week; version 1 had to write 0 there."""
SCRIPTS = ord("u")
"""A text's format where its words are of any script; else it is a list's delimiter, or 0."""
PARTS: tuple[WordPart, ...] = ("word", "email_domain", "url_domain", "prefix")
DERIVED_OPS = ("difference", "ratio")
CALIBRATIONS = ("sigmoid", "isotonic", "softmax", "linear", "exp")


FIRST_SECTIONS = 15
"""Sections in the directory of version 1, which ends its header of 392 bytes."""


class Kind(IntEnum):
    """Kinds of columns."""

    NUMBER = 0
    DATE = 1
    CATEGORY = 2
    TEXT = 3
    GEO = 4


class Section(IntEnum):
    """Sections in the order of the header's directory."""

    COLUMNS = 0
    STRINGS = 1
    SLOTS = 2
    TREES = 3
    NODES = 4
    LEAVES = 5
    ENTRIES = 6
    FLOATS = 7
    SHORTS = 8
    DERIVED = 9
    TERMS = 10
    DOUBLES = 11
    RATIOS = 12
    ANCESTORS = 13
    META = 14
    PAIRS = 15


def _fields(kind: str, *names: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names]


COLUMN = np.dtype(
    [
        *_fields("<u4", "kind", "name", "name_bytes", "format"),
        ("slot", "<u4", (5,)),
        *_fields("<u4", "nulls", "n_nulls", "entries", "n_entries", "max_probe", "max_bytes"),
        *_fields("<u4", "rows", "missing_row", "unseen_row", "slots", "n_slots", "token_slots"),
        *_fields("<u4", "values", "weights", "mean"),
    ]
)
OWNER = np.dtype(_fields("<u2", "first", "second"))
TREE = np.dtype([*_fields("<u4", "node", "leaf"), *_fields("<u2", "n_nodes", "output", "points", "reserved")])
NODE = np.dtype([("threshold", "<f4"), ("slot2", "<u2"), ("child", "u1", (2,))])
ENTRY = np.dtype([*_fields("<u4", "hash", "string"), *_fields("<u2", "bytes", "row")])
DERIVED = np.dtype(_fields("<u2", "slot", "left", "right", "op"))
TERM = np.dtype([("slot", "<u4"), *_fields("<f4", "mean", "inv_scale", "fill", "center")])
SPAN = np.dtype(_fields("<u4", "offset", "count"))
HEADER = np.dtype(
    [
        ("magic", "S8"),
        *_fields("<u4", "byte_order", "version"),
        *_fields("<u8", "size", "checksum", "seed", "key"),
        *_fields("<u4", "task", "calibration", "n_outputs", "n_slots", "has_linear", "term_weights"),
        *_fields("<u4", "base", "intercept", "bias", "n_bias", "knots", "n_knots"),
        *_fields("<f8", "forest_weight", "linear_weight", "scale", "low", "high"),
        ("tf", "<f8", (17,)),
        ("section", SPAN, (len(Section),)),
    ]
)
CHECKSUM_FROM = 32
"""The checksum covers everything from this offset on: all that follows it in the header, and the sections."""

ITEMS: dict[Section, np.dtype] = {
    Section.COLUMNS: COLUMN,
    Section.STRINGS: np.dtype("u1"),
    Section.SLOTS: OWNER,
    Section.TREES: TREE,
    Section.NODES: NODE,
    Section.LEAVES: np.dtype("<f4"),
    Section.ENTRIES: ENTRY,
    Section.FLOATS: np.dtype("<f4"),
    Section.SHORTS: np.dtype("<u2"),
    Section.DERIVED: DERIVED,
    Section.TERMS: TERM,
    Section.DOUBLES: np.dtype("<f8"),
    Section.RATIOS: np.dtype("<f4"),
    Section.ANCESTORS: np.dtype("u1"),
    Section.META: np.dtype("u1"),
    Section.PAIRS: COLUMN,
}


def open_sections(data: bytes) -> tuple[np.void, dict[Section, np.ndarray]]:
    """The header of a file of any version, and its sections; those that a version does not have are empty.

    Nothing is checked but what NumPy checks."""
    first: np.void = np.frombuffer(data.ljust(HEADER.itemsize, b"\0"), HEADER, 1)[0]
    known = FIRST_SECTIONS if first["version"] == 1 else len(Section)
    sections = {}
    for section, item in ITEMS.items():
        offset, count = first["section"][section].tolist() if section < known else (0, 0)
        sections[section] = np.frombuffer(data, item, count, offset)
    return first, sections
