"""What answers the requests that an HTTP edge reads."""

from collections.abc import Callable
from typing import Any, Protocol

from tenantry.errors import TenantryError
from tenantry.serving.core import Core
from tenantry.serving.replies import Response
from tenantry.serving.scheduler import Scheduler

Done = Callable[[Response], None]


class Handler(Protocol):
    """Answers requests. All calls come on the loop's thread; ``begin`` and ``submit`` never raise.

    After a ``begin`` that returned work, exactly one of ``submit``, ``refused`` and ``abandon`` follows; after a
    ``submit``, ``abandon`` may.
    """

    def begin(self, method: str, path: str, query: bytes, headers: "dict[bytes, bytes]") -> Any:
        """Admit a request by its head: work to go on with, or the ``Response`` that refuses it.

        ``path`` is percent-decoded, header names are lower case. ``headers`` is only lent: equal heads share one.
        """
        ...

    def submit(self, work: Any, body: bytes, done: Done) -> None:
        """Answer; ``done`` is called with the reply, on the loop, now or later."""
        ...

    def abandon(self, work: Any) -> None:
        """Nobody waits for this work's answer any more."""
        ...

    def refused(self, work: Any, error: TenantryError) -> Response:
        """The reply to work that ends here, because its body cannot be had."""
        ...


class CoreHandler:
    """A core and its scheduler as a :class:`Handler`; the methods are theirs, without a call between."""

    __slots__ = ("abandon", "begin", "refused", "submit")

    def __init__(self, core: Core, scheduler: Scheduler) -> None:
        self.begin = core.begin
        self.refused = core.refused
        self.submit = scheduler.submit
        self.abandon = scheduler.abandon
