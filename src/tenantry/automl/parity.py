"""The parity gate: the compiled plan must score as the training pipeline does, and as its own NumPy twin does.

The pipeline's side never touches the plan: LightGBM predicts from the training matrix, the linear member is sparse
algebra, the calibration is NumPy. The training rows go to the plan as raw records.
"""

import hashlib

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.calibrate import apply
from tenantry.automl.compile import Fitted
from tenantry.automl.records import Record, hostile_records, raw_records
from tenantry.bundle.manifest import ParityReceipt
from tenantry.errors import Internal
from tenantry.plan import Plan
from tenantry.plan.twin import Twin
from tenantry.schema import Task

ROWS = 500
TWIN_ROWS = 60
TOLERANCE = 1e-6


def check_parity(plan: bytes, fitted: Fitted, task: Task, seed: int) -> ParityReceipt:
    """Score up to 500 training rows in the plan and in the pipeline, and some of them and hostile records in the twin.

    Differences are in probability, or relative to the spread of the predictions for values. Errors:
    ``Internal("parity_failed")``.
    """
    count = len(fitted.encoded.rows)
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:ROWS]).astype(np.int64)
    records = raw_records(fitted.space.columns, fitted.encoded.rows[rows])
    hostile = hostile_records(fitted.space.columns, records)
    expected = _pipeline(fitted, rows, task)
    opened = Plan.from_bytes(plan)
    try:
        scored = np.array(opened.score_rows(records))
        strange = opened.score_rows(hostile)
    finally:
        opened.close()
    scale = 1.0 if task is not Task.REGRESSION else max(float(np.abs(expected).max()), 1e-12)
    twin = _twin(plan, records[:TWIN_ROWS] + hostile)
    kernel = np.concatenate((scored[:TWIN_ROWS], np.array(strange)))
    receipt = ParityReceipt(
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        rows=len(rows),
        hostile_rows=len(hostile),
        kernel_twin=_difference(kernel, twin, scale),
        plan_pipeline=_difference(scored, expected, scale),
        tolerance=TOLERANCE,
    )
    if not receipt.passed:
        raise Internal(
            "parity_failed",
            f"the plan differs from its twin by {receipt.kernel_twin:.3g} and from the pipeline by "
            f"{receipt.plan_pipeline:.3g} (at most {TOLERANCE:g})",
        )
    return receipt


def _pipeline(fitted: Fitted, rows: I64, task: Task) -> F64:
    """Calibrated predictions, in the shape in which the plan gives them."""
    predicted = apply(fitted.calibration, fitted.margins(fitted.encoded.rows[rows]))
    if task is Task.BINARY:
        return predicted[:, 1:]
    return predicted[:, None] if task is Task.REGRESSION else predicted


def _twin(plan: bytes, records: list[Record]) -> F64:
    return np.array(Twin(plan).score_rows(records))


def _difference(a: F64, b: F64, scale: float) -> float:
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0) / scale)
