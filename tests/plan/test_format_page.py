"""docs/plan-format.md lists every field where it is."""

import re
from pathlib import Path

import numpy as np
import pytest

from tenantry.plan import layout

PAGE = (Path(__file__).parents[2] / "docs/plan-format.md").read_text()
TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "f32": "<f4", "f64": "<f8"}
ROW = re.compile(r"^\| (\d+) \| (\w+)(?:\[(\d+)\])? \| (\w+) \|", re.M)


def described(*headings: str) -> list[list[tuple[int, str, str]]]:
    """The tables under a heading: (offset, field, type with its count)."""
    [section] = [part for part in re.split(r"^##+ ", PAGE, flags=re.M) if part.startswith(headings)]
    tables = [block for block in section.split("\n\n") if block.startswith("| offset")]
    return [
        [(int(at), name, f"{kind}{count}") for at, kind, count, name in ROW.findall(block)]
        for block in tables
    ]


def actual(dtype: np.dtype) -> list[tuple[int, str, str]]:
    names = {np.dtype(code): word for word, code in TYPES.items()}
    fields = []
    for name in dtype.names or ():
        kind, at = dtype.fields[name][:2]  # type: ignore[index]
        if kind.kind == "S":
            word = f"char{kind.itemsize}"
        else:
            base, shape = kind.subdtype or (kind, ())
            word = ("span" if base.names else names[base]) + (str(shape[0]) if shape else "")
        fields.append((at, name, word))
    return fields


@pytest.mark.parametrize(
    ("heading", "dtypes"),
    [
        ("Header", [layout.HEADER]),
        ("A column", [layout.COLUMN]),
        ("A tree", [layout.TREE, layout.NODE, layout.ENTRY]),
    ],
)
def test_the_page_gives_every_field_its_place_and_type(heading: str, dtypes: list[np.dtype]) -> None:
    assert described(heading) == [actual(dtype) for dtype in dtypes]


def test_the_page_lists_every_section_by_its_number() -> None:
    assert re.findall(r"^\| (\d+) \| ([A-Z]+) \|", PAGE, re.M) == [
        (str(s.value), s.name) for s in layout.Section
    ]
