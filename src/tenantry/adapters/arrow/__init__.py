"""Apache Arrow: Parquet files of the inference log."""

from tenantry.adapters.arrow.log_files import ParquetLogFiles

__all__ = ["ParquetLogFiles"]
