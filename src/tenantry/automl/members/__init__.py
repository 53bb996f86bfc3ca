"""The two kinds of model that are blended: forests of small trees, and a linear model.

Receives: slots and the target as margins want it. Hands on: margins (rows × outputs, float64), and the numbers that the
plan needs to give the same ones. Never knows: folds, calibration, budgets other than a deadline.
"""

from tenantry.automl.members.lightgbm import Forest, ForestBins, ForestParams, Objective, fit_forest
from tenantry.automl.members.linear import LinearDesign, LinearFit, build_design, fit_linear

__all__ = [
    "Forest",
    "ForestBins",
    "ForestParams",
    "LinearDesign",
    "LinearFit",
    "Objective",
    "build_design",
    "fit_forest",
    "fit_linear",
]
