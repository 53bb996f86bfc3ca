"""Structured logs.

Receives: events with named values. Hands on: one line each on stderr. Never knows: who reads them, or any
setting (``app`` passes those in). Stdout belongs to the data of commands.
"""

from tenantry.telemetry._logs import bind, bound, configure, get_logger

__all__ = ["bind", "bound", "configure", "get_logger"]
