"""What a plan file says of itself in JSON: enough for a scoring worker to answer metadata and to put reasons in words,
with nothing but the plan file."""

import msgspec

from tenantry.schema import Column, Signature


class ColumnMeta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One raw input column. ``quantiles``: 21 training quantiles (0, 5, …, 100 %) of a number or of a date's days, or
    empty; ``impact`` sums to 1 over the columns. ``top_values``: the most frequent words, with the shares of training
    records that have them in ``top_shares``; ``missing``: the share without a usable value. Plans of earlier releases
    have neither share."""

    column: Column
    impact: float = 0.0
    quantiles: tuple[float, ...] = ()
    top_values: tuple[str, ...] = ()
    top_shares: tuple[float, ...] = ()
    missing: float | None = None


class PlanMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The ``meta`` of :class:`~tenantry.plan.ir.PlanSpec`; ``expected``: the mean margin of each output."""

    signature: Signature
    columns: tuple[ColumnMeta, ...]
    target: str
    expected: tuple[float, ...]


class PlanHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of :class:`PlanMeta` that scoring needs; the rest of the JSON is passed over."""

    signature: Signature
    target: str
