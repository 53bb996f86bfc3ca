"""Amazon SageMaker's contract for containers that serve several models: another edge of the same core (B12).

Receives: models as folders, told by ``POST /models``, and invocations in CSV, JSON records or the Open Inference
Protocol. Hands on: the same work as the other edges do. Never knows: keys and tenants; the platform in front of the
container knows who may ask.
"""

from tenantry.adapters.sagemaker.handler import SageMakerHandler
from tenantry.adapters.sagemaker.models import TENANT, Models

__all__ = ["TENANT", "Models", "SageMakerHandler"]
