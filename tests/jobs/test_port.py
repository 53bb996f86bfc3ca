"""The helpers of the jobs port."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.ports.jobs import Schedule, next_due, retry_delay
from tenantry.tenancy import TenantId


@given(st.integers(-5, 10_000))
def test_retry_delays_stay_within_half_and_the_whole_of_a_doubling_bound(attempt: int) -> None:
    bound = min(300.0, 2.0 * 2.0 ** min(max(attempt, 1) - 1, 30))
    assert bound / 2 <= retry_delay(attempt) <= bound


def test_retry_delays_are_spread() -> None:
    assert len({retry_delay(8) for _ in range(20)}) > 10


@given(st.integers(1, 20_000), st.integers(0, 10**9), st.floats(0, 4e9))
def test_the_next_due_time_is_the_first_after_now(minutes: int, offset: int, now: float) -> None:
    every = 60 * minutes
    schedule = Schedule(
        tenant=TenantId("acme"),
        name="s",
        kind="k",
        payload={},
        every_seconds=every,
        offset_seconds=offset % every,
    )
    due = next_due(schedule, now)
    assert due - every <= now < due
    assert (due - offset) % every == pytest.approx(0)
