"""From typed columns to the float32 slots that members learn from, exactly as the plan will encode a record.

Receives: typed columns and, for target encodings, the target of the training rows. Hands on: slots, sparse token and
word matrices, and the tables behind them. Never knows: which member uses a slot, or how a plan is laid out in bytes.
"""

from tenantry.automl.encoders.categories import CategoryEncoder, CategoryTable
from tenantry.automl.encoders.fixed import FixedSlots, fixed_slots
from tenantry.automl.encoders.space import Encoded, FeatureSpace, Slot, build_space
from tenantry.automl.encoders.text import TextEncoder

__all__ = [
    "CategoryEncoder",
    "CategoryTable",
    "Encoded",
    "FeatureSpace",
    "FixedSlots",
    "Slot",
    "TextEncoder",
    "build_space",
    "fixed_slots",
]
