"""Looking a new endpoint table through for what it says about the models in memory, in the loader's thread."""

from collections import deque
from collections.abc import Callable

from tenantry.routing import EndpointTable
from tenantry.serving.eviction import Key
from tenantry.serving.residency_loads import Loads
from tenantry.serving.residency_table import Survey, survey


class Surveys:
    """One after another; what an older table said is dropped. ``found`` is told which models the table pins.

    ``unnamed``: models that no deployment names, for the books to let go of.
    """

    def __init__(self, loads: Loads, found: Callable[[EndpointTable, frozenset[Key]], None]) -> None:
        self.unnamed: deque[Key] = deque()
        self._loads = loads
        self._found = found
        self._begun = 0

    def begin(self, table: EndpointTable, keys: list[Key]) -> None:
        """Look through a table for these models."""
        self._begun += 1
        self.unnamed.clear()
        self._loads.run(self._look, table, keys, self._begun)

    def _look(self, table: EndpointTable, keys: list[Key], number: int) -> None:
        told = survey(table, keys)
        self._loads.later(lambda: self._apply(table, told, number))

    def _apply(self, table: EndpointTable, told: Survey, number: int) -> None:
        if number == self._begun:  # else a newer table is being looked through
            self.unnamed.extend(told.unnamed)
            self._found(table, told.pinned)
