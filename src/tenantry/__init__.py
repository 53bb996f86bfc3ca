"""tenantry: a machine-learning model for every tenant, trained, served, explained and watched on shared machines.

``Predictor`` (the scikit-learn estimator) is loaded on first use, so that a scoring process that imports any part of
this package never pays for, or depends on, the training stack.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenantry.sdk import Predictor

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Predictor":
        from tenantry.sdk import Predictor  # noqa: PLC0415 - see the docstring

        return Predictor
    raise AttributeError(f"module 'tenantry' has no attribute {name!r}")
