"""Models in ONNX, run by onnxruntime beside tenantry's own plans.

Receives: files that tenantry exported, and raw records. Hands on: the port ``Runtime`` of scoring. Never knows:
tenants, HTTP, where files lie.
"""

from tenantry.adapters.onnx.runtime import OnnxPlan, OnnxRuntime

__all__ = ["OnnxPlan", "OnnxRuntime"]
