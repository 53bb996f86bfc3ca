"""Columns with no value, or too few to learn from."""

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import SemanticType

MIN_VALUES = 10


def check_empty(context: Context) -> list[Verdict]:
    """Leaves out columns with fewer than ten values."""
    found: list[Verdict] = []
    for column in context.columns:
        present = 0 if column.type is SemanticType.EMPTY else int((~column.missing_rows()).sum())
        if present >= MIN_VALUES:
            continue
        found.append(
            verdict(
                "empty_column",
                (column.name,),
                f"{column.name} has {present} values in {column.values.rows} rows",
                "Left out. Fill it in at the source, or drop it.",
                leave_out=True,
                reason="empty" if present == 0 else f"nearly empty: {present} values",
                values=present,
            )
        )
    return found
