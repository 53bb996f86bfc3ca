"""What a trained model rests on and where it fails: dependence on columns, failing segments, a sample of records.

Receives: prepared columns, out-of-fold predictions and the compiled plan. Hands on: the bundle's
:class:`~tenantry.bundle.insights.Insights` and :class:`~tenantry.bundle.insights.RecordSample`. Never knows: how the
model was searched for.
"""

from tenantry.automl.insights.describe import describe

__all__ = ["describe"]
