"""Scoring: one request in, one reply out.

Receives: an endpoint table, a runtime that opens plans, and HTTP requests. Hands on: predictions, reasons,
metadata and errors. Never knows: where tables come from, how models were trained, databases, or other
processes.
"""

from tenantry.serving.asgi import application
from tenantry.serving.core import Core
from tenantry.serving.limits import Limits
from tenantry.serving.ports import Runtime, ScoringPlan
from tenantry.serving.replies import Response
from tenantry.serving.residency import Residency
from tenantry.serving.routes import ROUTES, Route
from tenantry.serving.scheduler import Scheduler
from tenantry.serving.state import State
from tenantry.serving.watcher import TableWatcher
from tenantry.serving.work import Recorder, Steps, Work

__all__ = [
    "ROUTES",
    "Core",
    "Limits",
    "Recorder",
    "Residency",
    "Response",
    "Route",
    "Runtime",
    "Scheduler",
    "ScoringPlan",
    "State",
    "Steps",
    "TableWatcher",
    "Work",
    "application",
]
