"""The same engine inside a notebook: one scikit-learn estimator.

Receives: a table of any common kind and the name of its target. Hands on: predictions of the same kind,
reasons, a scorecard, and a file that loads without executing anything. Never knows: tenants' stores,
servers, keys.
"""

from tenantry.sdk.predictor import Predictor

__all__ = ["Predictor"]
