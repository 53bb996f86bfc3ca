"""HTTP/1.1 edges of the scoring service.

Receives: bytes from callers. Hands on: requests to a :class:`Handler`, and its answers back, in order. Never
knows: what is scored, or who may. Two edges do so: the own one, which this package hands on, and uvicorn with the
bounds of ``uvicorn_bounds``, which is imported only where it is wanted.
"""

from tenantry.serving.http.bounds import (
    HEAD_SECONDS,
    IDLE_SECONDS,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    Bounds,
)
from tenantry.serving.http.handler import CoreHandler, Done, Handler
from tenantry.serving.http.heads import Headers
from tenantry.serving.http.server import Server, serve

__all__ = [
    "HEAD_SECONDS",
    "IDLE_SECONDS",
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "MAX_TARGET_BYTES",
    "Bounds",
    "CoreHandler",
    "Done",
    "Handler",
    "Headers",
    "Server",
    "serve",
]
