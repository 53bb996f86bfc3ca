"""What is to be predicted, as one object that a file, a form or a command line fills in.

Receives: YAML, JSON or keyword arguments. Hands on: a checked ``PredictionDefinition``, and
(``apps.filters``, which needs Arrow) the rows of a table that it speaks of. Never knows: how a model is
trained (``automl``) or where definitions are kept (``adapters``).
"""

from tenantry.apps._definition import METRICS, Direction, Filter, Metric, PredictionDefinition
from tenantry.apps._load import check_columns, definition_of, load_definition
from tenantry.apps._store import Definitions, no_such_definition
from tenantry.apps._use import CostMatrix, check_use, cost_matrix, weights_of_classes

__all__ = [
    "METRICS",
    "CostMatrix",
    "Definitions",
    "Direction",
    "Filter",
    "Metric",
    "PredictionDefinition",
    "check_columns",
    "check_use",
    "cost_matrix",
    "definition_of",
    "load_definition",
    "no_such_definition",
    "weights_of_classes",
]
