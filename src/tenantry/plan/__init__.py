"""The plan: one file from raw record to calibrated, explained score.

Receives a :class:`~tenantry.plan.ir.PlanSpec` (training), or the bytes of a plan file and raw records (serving). Hands
on plan bytes, scores, attributions and reasons in words. Never knows tenants, HTTP, where a plan file lives, or how a
model was trained.

Importing it loads the kernel alone; the compiler and its NumPy come with the first use of their names.
"""

from typing import TYPE_CHECKING, Any

from tenantry.plan.model import Plan

if TYPE_CHECKING:
    from tenantry.plan.compile import compile_plan, expected_margins, with_meta
    from tenantry.plan.ir import PlanSpec

__all__ = ["Plan", "PlanSpec", "compile_plan", "expected_margins", "with_meta"]


def __getattr__(name: str) -> Any:
    if name in ("compile_plan", "expected_margins", "with_meta"):
        from tenantry.plan import compile as compiler  # noqa: PLC0415 (NumPy stays out of scoring processes)

        return getattr(compiler, name)
    if name == "PlanSpec":
        from tenantry.plan.ir import PlanSpec  # noqa: PLC0415 (the same)

        return PlanSpec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
