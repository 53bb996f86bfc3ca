"""A budget of CPU seconds with a hard stop. Wall time would break on a shared machine."""

import time

from tenantry.errors import InvalidData


class Budget:
    """CPU seconds of this process and all its threads, counted from construction.

    ``left`` is checked before each step and in every boosting round; what a step has at that point is what there is.
    ``bound`` says whether the clock has decided anything yet: where it has, the same seed may give another model.
    """

    def __init__(self, cpu_seconds: float) -> None:
        self.limit = cpu_seconds
        self.bound = False
        self._held = 0.0
        self._start = time.process_time()

    @property
    def spent(self) -> float:
        """CPU seconds used so far."""
        return time.process_time() - self._start

    @property
    def left(self) -> float:
        """CPU seconds that remain for the step at hand; negative when overrun."""
        return self.limit - self._held - self.spent

    def hold(self, seconds: float) -> None:
        """Keep back seconds for steps that must come after; 0 gives them free."""
        self._held = seconds

    def deadline(self, seconds: float) -> "Deadline":
        """A stop ``seconds`` from now, or when the budget ends if that is sooner."""
        return Deadline(time.process_time() + max(0.0, min(seconds, self.left)), self)

    def overrun(self, seconds: float) -> "Deadline":
        """A stop ``seconds`` from now, whatever is left: for a step without which all others were in vain."""
        return Deadline(time.process_time() + seconds, self)

    def require(self, step: str) -> None:
        """Raise ``InvalidData("budget_exhausted")`` where nothing is left for a step that cannot be left out."""
        if self.left <= 0:
            raise InvalidData(
                "budget_exhausted", f"the budget of {self.limit:g} CPU seconds ended before {step}"
            )


class Deadline:
    """A point in this process's CPU time."""

    def __init__(self, at: float, budget: Budget) -> None:
        self._at = at
        self._budget = budget

    @property
    def passed(self) -> bool:
        """Whether it is time to stop."""
        if time.process_time() < self._at:
            return False
        self._budget.bound = True
        return True

    @property
    def left(self) -> float:
        """CPU seconds until then, at least 0."""
        return max(0.0, self._at - time.process_time())
