"""Who may have a worker's time, and when (B7, B15, B16, C8).

Receives: policies, quotas, and requests as tenant, class, size and deadline. Hands on: admissions, refusals with
the time after which to come back, and the order in which admitted work runs. Never knows: HTTP, models, event
loops.
"""

from tenantry.admission.fair import FairQueue
from tenantry.admission.gate import Gate, Ticket
from tenantry.admission.policy import DEFAULT_POLICY, Policy, Quota
from tenantry.admission.rates import Rates
from tenantry.admission.refusal import PASSED, Reason, Refusal
from tenantry.admission.shared import SharedLimits

__all__ = [
    "DEFAULT_POLICY",
    "PASSED",
    "FairQueue",
    "Gate",
    "Policy",
    "Quota",
    "Rates",
    "Reason",
    "Refusal",
    "SharedLimits",
    "Ticket",
]
