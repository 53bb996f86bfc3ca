"""DuckDB as a reader of delimited text.

Receives: a clean text file and its dialect. Hands on: an Arrow table of text columns. Never knows: tenants,
gzip, encodings, or what a column means.
"""

from tenantry.adapters.duckdb.reader import DuckDBReader

__all__ = ["DuckDBReader"]
