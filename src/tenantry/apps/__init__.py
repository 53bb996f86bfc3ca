"""What is to be predicted, as one object that a file, a form or a command line fills in.

Receives: YAML, JSON or keyword arguments. Hands on: a checked ``PredictionDefinition``. Never knows: how a model is
trained (``automl``) or where definitions are kept (``adapters``).
"""

from tenantry.apps._definition import Filter, PredictionDefinition

__all__ = ["Filter", "PredictionDefinition"]
