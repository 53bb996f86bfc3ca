"""What every suite over the state shares: a clock that stands still, two tenants, and one way to say "not
found".
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tenantry.errors import NotFound
from tenantry.tenancy import TenantId
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State

ACME = TenantId("acme")
GLOBEX = TenantId("globex")
NOBODY = TenantId("nobody")
"""A tenant that does not exist."""


class StateSuite:
    """Subclass a suite and give it ``make_state``."""

    def make_state(self, folder: Path, clock: HeldClock) -> State:
        """Fresh, empty stores. ``folder`` is empty, and the test's own."""
        raise NotImplementedError(f"{type(self).__name__} must define make_state(folder, clock)")

    @pytest.fixture
    def clock(self) -> HeldClock:
        """The clock of the stores."""
        return HeldClock()

    @pytest.fixture
    def state(self, tmp_path: Path, clock: HeldClock) -> Iterator[State]:
        """The stores, with the tenants acme and globex."""
        made = self.make_state(tmp_path, clock)
        made.directory.create_tenant(ACME)
        made.directory.create_tenant(GLOBEX)
        yield made
        made.close()


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> dict[str, Any]:
    """The whole answer of a call that must find nothing."""
    with pytest.raises(NotFound) as caught:
        call(*arguments, **named)
    assert caught.value.code == "not_found"
    return caught.value.as_dict()
