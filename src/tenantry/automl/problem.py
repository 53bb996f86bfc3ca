"""The target as members learn it: on which scale, with which weights and constraints."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import skew

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64
from tenantry.automl.calibrate import ValueScale
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.losses import Judge
from tenantry.automl.members import Objective
from tenantry.automl.target import Target
from tenantry.errors import InvalidRequest
from tenantry.schema import Task

LOG_SKEW = 1.0
"""From this skewness on, the logarithm of positive values is tried as well."""
_DIRECTIONS = {"increasing": 1, "decreasing": -1}


@dataclass(frozen=True, slots=True)
class Problem:
    """``y``: the target as margins want it (class numbers, or standardised values); ``encoding_target``: what target
    encodings average: the positive class, each class, or the standardised value."""

    target: Target
    scale: ValueScale
    y: np.ndarray
    encoding_target: F64
    objective: Objective

    @property
    def task(self) -> Task:
        """What kind of outcome is predicted."""
        return self.target.task

    @property
    def judge(self) -> Judge:
        """What everything is judged by."""
        return Judge(self.task, self.y, self.target.y, self.scale)


def read_problem(target: Target, objective: Objective, *, log: bool = False) -> Problem:
    """Put the target on a scale. ``log``: take the logarithm of the values, which must be positive."""
    if target.task is Task.REGRESSION:
        scale = _scale(target.y, log=log)
        y = scale.to_margin(target.y)
        return Problem(target, scale, y, np.asarray(y, dtype=np.float64)[:, None], objective)
    hits = np.asarray(np.eye(len(target.classes))[target.y], dtype=np.float64)
    encoded = hits[:, 1:] if target.task is Task.BINARY else hits
    return Problem(target, ValueScale(), target.y, encoded, objective)


def may_be_log(target: Target) -> bool:
    """Whether the values are positive and have a long tail."""
    if target.task is not Task.REGRESSION:
        return False
    y = np.asarray(target.y, dtype=np.float64)
    return bool((y > 0).all() and skew(y) > LOG_SKEW)


def read_objective(target: Target, space: FeatureSpace, definition: PredictionDefinition) -> Objective:
    """The task, the weights of its classes and the constraints on slots.

    Errors: ``InvalidRequest("definition_invalid")`` for the weight of a class that is none, or a direction of a column
    that is no number (a date is read in parts, which would not all follow).
    """
    return Objective(
        target.task,
        len(target.classes),
        _class_weights(target, definition),
        _directions(space, definition),
    )


def _class_weights(target: Target, definition: PredictionDefinition) -> tuple[float, ...]:
    """Scaled such that a row counts 1 on average."""
    wanted = definition.class_weights
    if wanted is None or target.task is Task.REGRESSION:
        return ()
    shares = np.bincount(target.y, minlength=len(target.classes)) / len(target.y)
    if wanted == "balanced":
        weights = 1 / np.maximum(shares, 1e-9)
    else:
        unknown = sorted(set(wanted) - set(target.classes))
        if unknown:
            raise InvalidRequest(
                "definition_invalid",
                f"class_weights: {unknown[0]!r} is none of the outcomes {', '.join(target.classes)}",
            )
        weights = np.array([wanted.get(name, 1.0) for name in target.classes])
    return tuple(float(w) for w in weights / (weights @ shares))


def _directions(space: FeatureSpace, definition: PredictionDefinition) -> tuple[int, ...]:
    """1 or -1 for the slots of constrained columns."""
    if not definition.monotone:
        return ()
    directions = [0] * len(space.slots)
    for name, direction in definition.monotone.items():
        places = [i for i, column in enumerate(space.columns) if column.name == name]
        found = [i for i, slot in enumerate(space.slots) if slot.column in places and slot.part == "value"]
        if places and not found:
            raise InvalidRequest(
                "definition_invalid", f"monotone: {name!r} is no number, so it has no direction"
            )
        for i in found:
            directions[i] = _DIRECTIONS[direction]
    return tuple(directions)


def _scale(y: F64, *, log: bool) -> ValueScale:
    """Standardise. Predictions stay near what was seen."""
    t = np.log(y) if log else y
    spread = float(t.std())
    reach = 0.1 * float(y.max() - y.min())
    low = max(0.0, float(y.min()) - reach) if y.min() >= 0 else float(y.min()) - reach
    return ValueScale(float(t.mean()), spread if spread > 0 else 1.0, log, low, float(y.max()) + reach)
