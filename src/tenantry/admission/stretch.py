"""How much longer requests wait than the work before them says."""

MEMORY = 0.05
"""Weight of the newest wait."""
GROUND = 1e-3
"""Seconds of agreement that are always counted in, so that short waits leave the factor near 1."""
LEAST, MOST = 0.5, 20.0


class Stretch:
    """Measured over predicted waiting time of one class, the long waits counting most.

    The work ahead is not all that a request waits for: replies are written, refusals cost time too, higher classes
    overtake, estimates are off. All of that shows here, and predictions are multiplied by it.
    """

    __slots__ = ("_predicted", "_waited", "factor")

    def __init__(self) -> None:
        self._waited = 0.0
        self._predicted = 0.0
        self.factor = 1.0

    def learn(self, waited: float, predicted: float) -> None:
        """A request with ``predicted`` seconds of work ahead of it waited ``waited`` seconds."""
        self._waited += MEMORY * (waited - self._waited)
        self._predicted += MEMORY * (predicted - self._predicted)
        factor = (self._waited + GROUND) / (self._predicted + GROUND)
        self.factor = min(max(factor, LEAST), MOST)
