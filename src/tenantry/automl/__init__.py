"""From a tenant's table and a definition to a compiled, proven and described model (A5–A7, A9).

Receives: an Arrow table, a prediction definition, a budget of CPU seconds and a seed. Hands on: a
:class:`TrainedModel`, or an honest refusal. Never knows: where the table came from, what becomes of the
model, or how it is served.
"""

from tenantry.automl.model import Progress, TrainedModel
from tenantry.automl.train import profile, train

__all__ = ["Progress", "TrainedModel", "profile", "train"]
