"""Columns that name a record instead of describing it. A model that learns from one learns nothing that holds for the
next record."""

import re

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import Distinct
from tenantry.automl.typing.words import word_count

F64 = npt.NDArray[np.float64]
NEARLY_UNIQUE = 0.95
NAMED_UNIQUE = 0.8
"""Enough where the name says identifier too: a table with copied rows repeats its identifiers."""
_NAME = re.compile(
    r"(?:^|[^a-z])(?:id|ids|uuid|guid|key|number|num|no|nr|code|ref|reference|identifier|index|row|account|customer|serial)"
    r"(?:$|[^a-z])"
)
_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9a-f]{16,64}", re.IGNORECASE
)


def number_identifier(name: str, values: Distinct, parsed: F64) -> str | None:
    """Why a column of whole numbers is an identifier, or None. A number with decimals never is."""
    known = parsed[~np.isnan(parsed)]
    numbers = np.unique(known)
    rows = values.present
    if rows < 20 or len(numbers) < _enough(name) * rows or (numbers != np.floor(numbers)).any():
        return None
    if numbers[0] >= 1800 and numbers[-1] <= 2100:
        return None  # years
    span = float(numbers[-1] - numbers[0] + 1)
    what = f"{len(numbers)} different whole numbers in {rows} rows"
    if span <= 2 * rows:
        return f"{what}, which count up without large gaps"
    in_order = np.append(parsed, np.nan)[values.codes]
    steps = np.diff(in_order[~np.isnan(in_order)])
    if (steps > 0).mean() > 0.98 or (steps < 0).mean() > 0.98:
        return f"{what}, which run with the order of the rows"
    if name_hint(name):
        return f"{what}, and the name says so"
    digits = {len(str(int(abs(v)))) for v in numbers}
    if rows >= 200 and len(numbers) == rows and len(digits) == 1 and digits.pop() >= 6:
        return f"{what}, none of them twice, all of one length"
    return None


def text_identifier(name: str, values: Distinct) -> str | None:
    """Why a column of texts is an identifier, or None: nearly unique, one word, and digits in it (or a
    telling name)."""
    rows = values.present
    if rows < 20 or len(values.values) < _enough(name) * rows:
        return None
    texts = values.texts
    if sum(" " in t or word_count(t) > 3 for t in texts) > 0.05 * len(texts) or max(map(len, texts)) > 128:
        return None
    what = f"{len(texts)} different values in {rows} rows"
    if sum(bool(_UUID.fullmatch(t)) for t in texts) > 0.9 * len(texts):
        return f"{what}, written as unique ids"
    if sum(any(c.isdigit() for c in t) for t in texts) > 0.9 * len(texts):
        return f"{what}, each one word with digits"
    if name_hint(name) or len(texts) >= 0.99 * rows:
        return f"{what}, each one word"
    return None


def _enough(name: str) -> float:
    return NAMED_UNIQUE if name_hint(name) else NEARLY_UNIQUE


def name_hint(name: str) -> bool:
    """Whether a column is called what identifiers are called: ``customerID``, ``order_no``, ``Lead Number``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return bool(_NAME.search(spaced.lower()))
