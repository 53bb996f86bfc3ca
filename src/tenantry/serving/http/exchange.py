"""One request and its answer on a connection."""

from typing import Any, Protocol

from tenantry.serving.http.heads import Head
from tenantry.serving.replies import Response


class Owner(Protocol):
    """Where answers go: the connection."""

    def answered(self) -> None:
        """A request's answer is here."""
        ...


class Exchange:
    """``work`` is the handler's, from its admission to its answer. ``size`` is what its body counts for, in bytes.

    ``whole``: the request has been read to its end. ``close``: the connection closes after the answer.
    """

    __slots__ = ("answer", "bodiless", "close", "expects", "owner", "size", "whole", "work")

    def __init__(self, owner: Owner, head: Head | None) -> None:
        """Without a ``head`` it only carries an answer to what was no request."""
        self.owner: Owner | None = owner
        if head is None:
            self.bodiless = self.expects = False
            self.close = True
        else:
            self.bodiless = head.bodiless
            self.close = not head.keep
            self.expects = head.expects
        self.work: Any = None
        self.answer: Response | None = None
        self.size = 0
        self.whole = False

    def done(self, response: Response) -> None:
        """The answer; one that comes too late, or a second time, is dropped."""
        owner = self.owner
        if owner is None or self.answer is not None:
            return
        self.answer = response
        self.work = None
        owner.answered()
