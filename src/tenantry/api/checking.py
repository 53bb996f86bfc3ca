"""Whether records look like those that a version learnt from: behind the control API and the command line."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tenantry.api.control import ControlPlane
from tenantry.bundle import REFERENCE, Finding, read_file
from tenantry.errors import InvalidData
from tenantry.tenancy import TenantId


class TableCheck(msgspec.Struct, frozen=True, kw_only=True):
    """``findings``: the largest change first; of fewer than 100 ``rows`` there are none."""

    rows: int
    findings: tuple[Finding, ...]


def check_rows(control: ControlPlane, tenant: TenantId, model: str, ref: str, table: Any) -> TableCheck:
    """Hold an Arrow table against a version's training table."""
    # Imported here: nothing else that a control process does needs the training stack.
    from tenantry.automl.checks.drift import check_table  # noqa: PLC0415

    manifest = control.version(tenant, model, ref).manifest
    reference = msgspec.json.decode(read_file(control.stores.blobs, tenant, manifest, REFERENCE))
    return TableCheck(rows=table.num_rows, findings=check_table(reference, table))


def check_records(
    control: ControlPlane, tenant: TenantId, model: str, ref: str, records: Sequence[dict[str, Any]]
) -> TableCheck:
    """:func:`check_rows` of records by the table's column names. Raises ``InvalidData("record_value")`` for a value
    that is no number, text, truth value or null."""
    import pyarrow as pa  # noqa: PLC0415 (the same)

    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: _column(name, [record.get(name) for record in records]) for name in names}
    return check_rows(control, tenant, model, ref, pa.table(columns))


def _column(name: str, values: list[Any]) -> Any:
    """Values of one kind as they are; mixed ones as their texts."""
    import pyarrow as pa  # noqa: PLC0415

    odd = next((v for v in values if v is not None and not isinstance(v, str | int | float | bool)), None)
    if odd is not None:
        raise InvalidData("record_value", f"the column {name!r} holds {odd!r}, which is no single value")
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 or kinds == {int}:
        numbers = kinds <= {int, float}
        return pa.array(
            [None if v is None else float(v) if numbers else str(v) for v in values],
            pa.float64() if numbers else pa.string(),
        )
    return pa.array(values)
