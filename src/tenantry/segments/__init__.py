"""Append-only segment files: how a scoring worker hands facts to the control side without a database.

Receives: records of bytes, by kind and worker. Hands on: the same records, once each, from closed segments. Never
knows: what the bytes mean.
"""

from tenantry.segments._frames import MAX_RECORD_BYTES, whole_bytes
from tenantry.segments._reader import SegmentReader
from tenantry.segments._writer import SegmentWriter, Told

__all__ = ["MAX_RECORD_BYTES", "SegmentReader", "SegmentWriter", "Told", "whole_bytes"]
