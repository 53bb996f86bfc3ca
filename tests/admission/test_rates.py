"""Token buckets: what is granted, and how long one has to wait, to the letter of a plain simulation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.admission import Rates, SharedLimits

KEY = ("requests", "acme")


class Bucket:
    """A bucket that holds ``rate · burst`` tokens, filled step by step: slow and obvious."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.size = rate, rate * burst
        self.tokens, self.at = self.size, 0.0

    def take(self, now: float, n: int) -> float:
        self.tokens = min(self.tokens + (now - self.at) * self.rate, self.size)
        self.at = now
        needed = min(n, self.size)  # more than it holds is granted by a full bucket, on credit
        if self.tokens >= needed - 1e-6:
            self.tokens -= n
            return 0.0
        return (needed - self.tokens) / self.rate


STEPS = st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 30), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from([0.5, 3.0, 20.0]), st.sampled_from([0.1, 1.0, 4.0]))
def test_a_bucket_grants_what_the_plain_one_grants(steps, rate, burst):
    rates, bucket, now = Rates(), Bucket(rate, burst), 0.0
    for pause, n, peek in steps:
        now += pause
        if peek:
            before = rates.wait(KEY, rate, burst, now, n)
            assert rates.wait(KEY, rate, burst, now, n) == before
        expected = bucket.take(now, n)
        assert rates.take(KEY, rate, burst, now, n) == pytest.approx(expected, abs=2e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 5), st.integers(0, 2)), min_size=1, max_size=60))
def test_three_workers_grant_together_what_the_plain_one_grants(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("limits") / "limits"
    shared = [SharedLimits(path, worker=n, workers=3, slots=8) for n in range(3)]
    workers, bucket, now = [Rates(one) for one in shared], Bucket(10.0, 0.5), 0.0
    for pause, n, who in steps:
        now += pause
        expected = bucket.take(now, n)
        assert workers[who].take(KEY, 10.0, 0.5, now, n) == pytest.approx(expected, abs=2e-6)
    for one in shared:
        one.close()


def test_the_wait_that_is_named_is_enough_and_no_less_is():
    rates = Rates()
    while not (wait := rates.take(KEY, 7.0, 1.0, 50.0)):
        pass
    assert rates.take(KEY, 7.0, 1.0, 50.0 + wait - 1e-6) > 0.0
    assert rates.take(KEY, 7.0, 1.0, 50.0 + wait + 1e-6) == 0.0


def test_a_rate_below_one_in_the_burst_still_grants():
    rates = Rates()
    granted = sum(rates.take(KEY, 0.1, 1.0, float(second)) == 0.0 for second in range(100))
    assert granted == 10


def test_tenants_have_buckets_of_their_own_and_empty_ones_are_dropped():
    rates = Rates()
    for n in range(20_000):
        assert rates.take(("requests", f"t{n}"), 1.0, 1.0, n / 100) == 0.0
    assert len(rates._until) < 5_000
