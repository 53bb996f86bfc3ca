"""What one scoring worker holds: the current endpoint table, its open models, its limits."""

from tenantry.errors import Unavailable
from tenantry.routing import EndpointTable
from tenantry.serving.limits import Limits
from tenantry.serving.models import Models


class State:
    """``table`` is None only while none could be read; a new table takes the old one's place in one
    assignment.
    """

    __slots__ = ("limits", "models", "table")

    def __init__(self, models: Models, limits: Limits, table: EndpointTable | None = None) -> None:
        self.models = models
        self.limits = limits
        self.table = table

    @property
    def current(self) -> EndpointTable:
        """The table. Raises ``Unavailable("serving_starting")``."""
        if self.table is None:
            raise Unavailable("serving_starting", "this worker could not read an endpoint table yet")
        return self.table

    def swap(self, table: EndpointTable) -> None:
        """Answer by this table from now on."""
        self.table = table
        self.models.retain(table)
