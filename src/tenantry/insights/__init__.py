"""What a model says of one record beside its score: what would change it, and which records are like it.

Receives: an open plan, a raw record, and for similar records the sample that the bundle keeps. Hands on: answers
with their words and figures. Never knows: tenants, HTTP, where bundles lie, or how a model was trained.
"""

from tenantry.insights.answers import Answer, answer_of
from tenantry.insights.flips import Flip, Flips, Goal, find_flips
from tenantry.insights.similar import Neighbour, Similar, find_similar
from tenantry.insights.what_if import Change, ReasonChange, WhatIf, what_if

__all__ = [
    "Answer",
    "Change",
    "Flip",
    "Flips",
    "Goal",
    "Neighbour",
    "ReasonChange",
    "Similar",
    "WhatIf",
    "answer_of",
    "find_flips",
    "find_similar",
    "what_if",
]
