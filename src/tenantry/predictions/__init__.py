"""What was predicted: the inference log (A17).

Receives: segments that scoring workers wrote. Hands on: columnar files per tenant, and their records. Never knows:
how a score came about, or who asks for the log.
"""

from tenantry.predictions.keeper import LogKeeper, Retention
from tenantry.predictions.ports import LogFiles
from tenantry.predictions.read import PredictionLog
from tenantry.predictions.record import KIND, LoggedRequest

__all__ = ["KIND", "LogFiles", "LogKeeper", "LoggedRequest", "PredictionLog", "Retention"]
