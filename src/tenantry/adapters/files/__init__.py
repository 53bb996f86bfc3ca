"""Blobs as files in a folder.

Receives: bytes and their owner. Hands on: the port ``Blobs``. Never knows: what the bytes mean.
"""

from tenantry.adapters.files.blobs import FileBlobs

__all__ = ["FileBlobs"]
