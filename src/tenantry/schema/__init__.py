"""The words that every layer shares about tables and models.

Receives: nothing but names. Hands on: task, semantic types, roles, column and signature descriptions.
Never knows: how a type is found in data (``automl``), how it is encoded (``plan``), or where anything is stored.
"""

from tenantry.schema._types import NUMERIC_TYPES, Column, Role, SemanticType, Signature, Task

__all__ = ["NUMERIC_TYPES", "Column", "Role", "SemanticType", "Signature", "Task"]
