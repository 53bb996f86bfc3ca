"""Columns that name the record."""

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing.identifiers import NEARLY_UNIQUE
from tenantry.schema import SemanticType

_CONTACTS = (SemanticType.PHONE, SemanticType.POSTAL_CODE)


def check_identifier(context: Context) -> list[Verdict]:
    """Leaves out identifiers, and phone numbers and the like that are nearly unique."""
    found: list[Verdict] = []
    for column in context.columns:
        present = column.values.present
        unique = present >= 20 and len(column.values.values) >= NEARLY_UNIQUE * present
        if column.type is not SemanticType.IDENTIFIER and not (column.type in _CONTACTS and unique):
            continue
        found.append(
            verdict(
                "identifier",
                (column.name,),
                f"{column.name} names the record: {column.evidence}",
                "Left out, since it says nothing about the next record. Name it as the key to have it in the scores.",
                leave_out=True,
                reason=f"identifier: {column.evidence}",
                distinct=len(column.values.values),
                rows=present,
            )
        )
    return found
