"""From a file that somebody exported to a table in memory (A4, A5, A8).

Receives: a path and a ``TableReader``. Hands on: an Arrow table with every value as it was written, or an
error that says what is wrong, where, and what to do. Never knows: what a column means (``automl``), where
tables are kept (``datasets``), or which library parses (``adapters``).
"""

from tenantry.ingest.named import delimiter_of, encoding_of
from tenantry.ingest.ports import Dialect, Limits, Note, Reading, TableReader
from tenantry.ingest.read import read, read_table

__all__ = [
    "Dialect",
    "Limits",
    "Note",
    "Reading",
    "TableReader",
    "delimiter_of",
    "encoding_of",
    "read",
    "read_table",
]
