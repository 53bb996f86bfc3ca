"""The durable journeys: what happens, in which order, and what if it is cut short.

Receives: stations and records by their ports, a job, and a place to report to. Hands on: effects that may be
repeated without harm, and a result in plain values. Never knows: which process it runs in, who claimed the
job, or any technology.

Light: the training stack comes only with ``workflows.train``'s caller.
"""

from tenantry.workflows.aliases import promote, roll_back
from tenantry.workflows.gate import Decision, decide
from tenantry.workflows.retraining import Retraining, retrainings, schedule_retraining, with_latest
from tenantry.workflows.stores import Stores
from tenantry.workflows.train import TRAIN, Trainer, train_prediction
from tenantry.workflows.training import TrainPayload, request_training

__all__ = [
    "TRAIN",
    "Decision",
    "Retraining",
    "Stores",
    "TrainPayload",
    "Trainer",
    "decide",
    "promote",
    "request_training",
    "retrainings",
    "roll_back",
    "schedule_retraining",
    "train_prediction",
    "with_latest",
]
