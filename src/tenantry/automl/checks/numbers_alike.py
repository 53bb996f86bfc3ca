"""Numbers that hardly vary, and numbers that say nearly the same as an earlier column."""

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import NUMERIC_TYPES

VARIATION = 1e-6
"""Standard deviation by the mean's size; TransmogrifAI's 1e-5 is of the variance in whatever unit a column has."""
USUAL = 0.999
ALIKE = 0.99
SAMPLE = 5_000
MOST_COLUMNS = 500
ENOUGH_ROWS = 50
MOST_SHOWN = 5


def check_hardly_varies(context: Context) -> list[Verdict]:
    """Tells in one finding which numbers are the same in 99.9 % of the rows, or vary by a millionth of their mean."""
    names: list[str] = []
    for column in context.columns:
        if column.type not in NUMERIC_TYPES:
            continue
        x = column.numbers()
        x = x[np.isfinite(x)]
        if len(x) < ENOUGH_ROWS:
            continue
        usual = np.unique(x, return_counts=True)[1].max() / len(x)
        if usual >= USUAL or x.std() <= VARIATION * abs(x.mean()):
            names.append(column.name)
    if not names:
        return []
    return [
        verdict(
            "hardly_varies",
            tuple(names),
            f"{_some(names)} hardly {'varies' if len(names) == 1 else 'vary'}: the same number in nearly every row",
            "Kept. It can tell few rows apart; drop it if it is of no use elsewhere.",
        )
    ]


def check_numbers_alike(context: Context) -> list[Verdict]:
    """Tells in one finding which numbers correlate above 0.99 with an earlier one."""
    columns = [c for c in context.columns if c.type in NUMERIC_TYPES][:MOST_COLUMNS]
    rows = len(context.target.rows)
    if len(columns) < 2 or rows < ENOUGH_ROWS:
        return []
    chosen = np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.int64)
    found = correlations(np.column_stack([c.numbers()[chosen] for c in columns]))
    pairs: list[tuple[float, str, str]] = []
    for later in range(1, len(columns)):
        earlier = int(np.abs(found[later, :later]).argmax())
        if abs(found[later, earlier]) > ALIKE:
            pairs.append((float(found[later, earlier]), columns[earlier].name, columns[later].name))
    if not pairs:
        return []
    pairs.sort(key=lambda pair: -abs(pair[0]))
    shown = [f"{later} and {earlier} ({r:.3f})" for r, earlier, later in pairs]
    return [
        verdict(
            "numbers_alike",
            tuple(dict.fromkeys(name for _, *names in pairs for name in names)),
            f"numbers that say nearly the same, by correlation: {_some(shown)}",
            "Kept, since forests lose nothing by it; their impact is shared between them. "
            "One of each pair may do.",
            pairs=[[earlier, later, round(r, 4)] for r, earlier, later in pairs[:50]],
        )
    ]


def correlations(x: F64) -> F64:
    """Columns × columns: Pearson's correlation over the rows in which both have a value; 0 where fewer than 50 rows
    do, or one does not vary. Means and deviations are of those rows."""
    known = np.isfinite(x).astype(np.float64)
    middle = np.nan_to_num(np.nanmean(np.where(np.isfinite(x), x, np.nan), axis=0))
    spread = np.nan_to_num(np.nanstd(np.where(np.isfinite(x), x, np.nan), axis=0))
    z = np.where(known > 0, (x - middle) / np.where(spread > 0, spread, 1.0), 0.0)
    count = known.T @ known
    safe = np.maximum(count, 1.0)
    mean = (z.T @ known) / safe  # of the row's column, where the other has a value
    variance = np.maximum(0.0, ((z**2).T @ known) / safe - mean**2)
    bottom = np.sqrt(variance * variance.T)
    found = ((z.T @ z) / safe - mean * mean.T) / np.where(bottom > 1e-12, bottom, np.inf)
    return np.where(count >= ENOUGH_ROWS, np.clip(found, -1.0, 1.0), 0.0)


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
    return ", ".join(texts[:MOST_SHOWN]) + more
