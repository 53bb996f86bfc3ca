"""How good a set of predictions is, and how sure one can be of that.

Receives: true outcomes and predictions as NumPy arrays, one entry a row. Hands on: fold numbers, metrics with 95 %
intervals, and curves ready to plot. Never knows: which model made the predictions, or whose rows they are.
"""

from tenantry.evaluation import conformal, curves, metrics
from tenantry.evaluation.calibration import CalibrationError, measure_calibration
from tenantry.evaluation.comparison import Comparison, compare_classes, compare_values
from tenantry.evaluation.intervals import (
    Estimate,
    auroc_estimate,
    bootstrap_estimate,
    difference_estimate,
    mean_estimate,
    share_estimate,
)
from tenantry.evaluation.report import classification_metrics, regression_metrics
from tenantry.evaluation.splits import group_folds, stratified_folds
from tenantry.evaluation.thresholds import best_f1_threshold, cost_threshold

__all__ = [
    "CalibrationError",
    "Comparison",
    "Estimate",
    "auroc_estimate",
    "best_f1_threshold",
    "bootstrap_estimate",
    "classification_metrics",
    "compare_classes",
    "compare_values",
    "conformal",
    "cost_threshold",
    "curves",
    "difference_estimate",
    "group_folds",
    "mean_estimate",
    "measure_calibration",
    "metrics",
    "regression_metrics",
    "share_estimate",
    "stratified_folds",
]
