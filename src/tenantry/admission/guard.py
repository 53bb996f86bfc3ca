"""How far predicted waits are to be trusted, learnt from the requests that were let in and yet ran out of time."""

from math import frexp

STEP = 1.02
"""What one expiry multiplies the factor by."""
TARGET = 1 / 200
"""Expiries for each request that begins, at which the factor stands still."""
EASE = STEP**-TARGET
MOST = 20.0
"""Largest factor: however wrong the predictions, a twentieth of the time left may be filled with work."""
SCALES = 8
"""Orders of magnitude of the time left, from 4 ms on in powers of 4."""
DEPTHS = 5
"""Orders of magnitude of a tenant's requests in flight, in powers of 4."""


class Guard:
    """A factor on predicted waits, at least 1.

    The work ahead is not all that a request waits for: replies are written, refusals take time, higher classes and
    quieter tenants overtake, estimates are off. A wait that was cut short by its deadline cannot be measured, but it
    can be counted: the factor goes up for each, and down a little for each request that begins.
    """

    __slots__ = ("factor",)

    def __init__(self) -> None:
        self.factor = 1.0

    def began(self) -> None:
        """A request began in time."""
        if self.factor > 1.0:
            self.factor = max(self.factor * EASE, 1.0)

    def expired(self) -> None:
        """A request that was let in ran out of time before it began."""
        self.factor = min(self.factor * STEP, MOST)


class Guards:
    """The guards of one worker, apart by class, by the time left and by how much its tenant has in flight already.

    So a tenant that floods its queue, or sends hopelessly short deadlines, makes the worker wary of what is like it,
    and not of the single request with a second to spare.
    """

    __slots__ = ("_guards",)

    def __init__(self, classes: int) -> None:
        self._guards = [Guard() for _ in range(classes * SCALES * DEPTHS)]

    def of(self, priority: int, left: float, inflight: int) -> Guard:
        """The guard for a request of class ``priority``, from 1, with ``left`` seconds to its deadline, of a tenant
        that has ``inflight`` requests admitted.
        """
        scale = (frexp(left)[1] + 9) >> 1
        scale = 0 if scale < 0 else SCALES - 1 if scale >= SCALES else scale
        depth = inflight.bit_length() >> 1
        return self._guards[
            ((priority - 1) * SCALES + scale) * DEPTHS + (depth if depth < DEPTHS else DEPTHS - 1)
        ]
