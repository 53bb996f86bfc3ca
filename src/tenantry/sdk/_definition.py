"""An estimator's parameters as a prediction definition."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tenantry.apps import PredictionDefinition, definition_of
from tenantry.sdk._errors import InvalidTable
from tenantry.sdk._target import Target

LISTS = ("only", "include", "exclude", "protected")
AS_GIVEN = ("key", "types", "metric", "monotone", "group", "time", "split", "effort", "budget_cpu_seconds")


def definition_for(params: Mapping[str, Any], target: Target, seed: int) -> PredictionDefinition:
    """The definition that the parameters stand for.

    Raises ``InvalidTable`` or ``InvalidRequest`` with the code ``definition_invalid``, naming each wrong parameter.
    """
    return definition_of(
        {
            "name": "predictor",
            "target": target.name,
            "task": target.task,
            "positive_class": target.word(params["positive_class"]),
            "seed": seed,
            "costs": _by_word(params["costs"], target),
            "class_weights": _by_word(params["class_weights"], target),
            **{name: column_names(name, params[name]) for name in LISTS},
            **{name: plain(params[name]) for name in AS_GIVEN},
        }
    )


def column_names(parameter: str, names: Sequence[str]) -> tuple[str, ...]:
    """A parameter's column names. A text alone is a sequence too, of letters, which nobody means."""
    if isinstance(names, str):
        raise InvalidTable(
            "definition_invalid",
            f"{parameter} is the text {names!r}, not a list of column names",
            hint=f"Write {parameter}=[{names!r}].",
        )
    return tuple(names)


def plain(value: Any) -> Any:
    """A parameter as JSON can hold it: NumPy's scalars as Python's, also within mappings."""
    if isinstance(value, Mapping):
        return {plain(name): plain(item) for name, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _by_word(value: Any, target: Target) -> Any:
    """A mapping with the caller's labels as the engine's words; the four outcomes of two classes stay as they are."""
    if not isinstance(value, Mapping):
        return value
    return {target.word(name): _by_word(plain(item), target) for name, item in value.items()}
