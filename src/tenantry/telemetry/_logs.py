"""structlog, set up once a process."""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO, cast

# structlog imports rich where it finds it, to draw tracebacks; ours are drawn without. That is a quarter of a second
# of every process's start.
_hidden = "rich" not in sys.modules
if _hidden:
    sys.modules["rich"] = None  # type: ignore[assignment] # how Python marks a module that is not to be had

import structlog  # noqa: E402 — see above

if _hidden:
    del sys.modules["rich"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SECRET_WORDS = ("secret", "password", "authorization", "api_key", "token")


def configure(level: str = "info", style: str = "auto", *, stream: TextIO | None = None) -> None:
    """Set level (debug, info, warning, error) and style (json, text, or auto: text on a terminal, json
    elsewhere).
    """
    out = sys.stderr if stream is None else stream
    text = style == "text" or (style == "auto" and out.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if text
        else structlog.processors.JSONRenderer(default=str)
    )
    # Tracebacks without the frames' variables: those hold requests' keys and customers' data (B20).
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    tail = [renderer] if text else [structlog.processors.ExceptionRenderer(frames), renderer]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # Standard error as it is when a line is written, which may not be what it was here.
        logger_factory=lambda *_: structlog.PrintLogger(file=sys.stderr if stream is None else stream),
        # Not cached: loggers are module globals, and must follow a later ``configure``.
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry ``logger_name=name``. Pass values by name: ``log.info("trained", tenant=…,
    rows=…)``.
    """
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(logger_name=name))


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Every line that is logged inside carries these values, such as ``tenant`` and ``job``."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def bind(**values: Any) -> None:
    """Every line that this thread logs from now on carries these values; what a pool of threads begins with, since
    they know nothing of what was :func:`bound` where the work came from."""
    structlog.contextvars.bind_contextvars(**values)


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net under B20: a value under a telling name never reaches a log."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "[redacted]"
    return event
