"""The inference log of a home folder, for who reads it outside a running server."""

from pathlib import Path

from tenantry.predictions import PredictionLog


def recorded_log(home: Path) -> PredictionLog:
    """The log under ``home``; what is not folded yet is not in it."""
    # Imported here: Arrow is for those who read a log.
    from tenantry.adapters.arrow import ParquetLogFiles  # noqa: PLC0415

    return PredictionLog(home / "predictions", ParquetLogFiles())
