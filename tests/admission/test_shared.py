"""Rates that hold over processes: real ones, hammering one file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenantry.admission import Rates, SharedLimits

KEY = ("requests", "acme")

HAMMER = """
import json, sys, time
from pathlib import Path
from tenantry.admission import Rates, SharedLimits
path, worker, workers, rate, burst, start, seconds = sys.argv[1:]
rates = Rates(SharedLimits(Path(path), worker=int(worker), workers=int(workers)))
rate, burst, start, seconds = float(rate), float(burst), float(start), float(seconds)
print("ready", flush=True)
while time.monotonic() < start:
    pass
granted = asked = 0
while (now := time.monotonic()) < start + seconds:
    asked += 1
    wait = rates.take(("requests", "acme"), rate, burst, now)
    if wait:
        time.sleep(min(wait, 0.0005))
    else:
        granted += 1
print(json.dumps({"granted": granted, "asked": asked, "fallbacks": rates.shared.fallbacks}))
"""


def begin(path: Path, *values: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HAMMER, str(path), *map(str, values)], stdout=subprocess.PIPE, text=True
    )


def hammer(path: Path, workers: int, rate: float, burst: float, seconds: float) -> list[dict[str, int]]:
    start = time.monotonic() + 2.0
    processes = [begin(path, n, workers, rate, burst, start, seconds) for n in range(workers)]
    results = []
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        results.append(json.loads(out.splitlines()[-1]))
    return results


@pytest.mark.parametrize(("rate", "burst"), [(2_000.0, 0.25), (300.0, 0.5), (20_000.0, 0.1)])
def test_four_processes_share_one_rate(tmp_path, rate, burst):
    seconds = 2.0
    results = hammer(tmp_path / "run" / "limits", 4, rate, burst, seconds)
    granted = sum(result["granted"] for result in results)
    assert sum(result["fallbacks"] for result in results) == 0
    assert granted <= rate * seconds * 1.1 + rate * burst
    assert granted >= 0.9 * rate * seconds
    assert max(result["granted"] for result in results) < granted  # no one of them had it all


def test_the_rate_holds_while_workers_are_killed_and_started_again(tmp_path):
    path, rate, burst, seconds = tmp_path / "limits", 2_000.0, 0.25, 3.0
    start = time.monotonic() + 1.5
    processes = {n: begin(path, n, 3, rate, burst, start, seconds) for n in range(3)}
    for kill in range(4):
        time.sleep(max(start + 0.3 + 0.5 * kill - time.monotonic(), 0))
        victim = processes[kill % 3]
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        assert victim.returncode == -signal.SIGKILL
        processes[kill % 3] = begin(path, kill % 3, 3, rate, burst, start, seconds)
    for process in processes.values():
        out, _ = process.communicate(timeout=60)
        assert json.loads(out.splitlines()[-1])["fallbacks"] == 0
    # What was granted stands in the columns, also what the dead ones granted.
    reader = SharedLimits(path, worker=0, workers=3)
    assert reader.wait(KEY, rate, burst, time.monotonic(), 1) is not None
    first = reader._places[KEY][0] // 8 + 1
    granted = sum(reader._ints[first : first + 3])
    assert 0.9 * rate * seconds <= granted <= 1.1 * rate * seconds + rate * burst


def open_pair(path: Path, **options: int) -> tuple[SharedLimits, SharedLimits]:
    return SharedLimits(path, worker=0, workers=2, **options), SharedLimits(
        path, worker=1, workers=2, **options
    )


def test_one_worker_sees_at_once_what_another_granted(tmp_path):
    one, two = open_pair(tmp_path / "limits")
    for _ in range(5):
        assert one.take(KEY, 10.0, 1.0, 100.0, 1) == 0.0
        assert two.take(KEY, 10.0, 1.0, 100.0, 1) == 0.0
    assert one.take(KEY, 10.0, 1.0, 100.0, 1) == pytest.approx(0.1)
    assert two.take(KEY, 10.0, 1.0, 100.0, 1) == pytest.approx(0.1)
    assert two.wait(KEY, 10.0, 1.0, 100.05, 1) == pytest.approx(0.05)
    assert two.take(KEY, 10.0, 1.0, 100.1, 1) == 0.0
    assert one.take(KEY, 10.0, 1.0, 100.1, 1) == pytest.approx(0.1)


def test_a_worker_that_did_not_look_for_long_knows_that_the_bucket_leaked(tmp_path):
    one, two = open_pair(tmp_path / "limits")
    assert two.take(KEY, 10.0, 1.0, 100.0, 1) == 0.0
    for n in range(100):  # half the rate, for 20 s
        assert one.take(KEY, 10.0, 1.0, 100.0 + n / 5, 1) == 0.0
    assert two.take(KEY, 10.0, 1.0, 119.9, 9) == 0.0


def test_two_grants_in_the_same_instant_are_both_paid_for(tmp_path):
    one, two = open_pair(tmp_path / "limits")
    one.take(KEY, 10.0, 0.1, 100.0, 1)
    two.take(KEY, 10.0, 0.1, 200.0, 1)  # both have their slot by now
    # What happens when both read before either writes: each writes what it thinks is the third grant.
    at = one._places[KEY][0] // 8 + 1
    before = list(one._ints[at : at + 6])
    assert one.take(KEY, 10.0, 0.1, 300.0, 1) == 0.0
    after_one = list(one._ints[at : at + 6])
    for cell in (0, 2, 4):
        one._ints[at + cell] = before[cell]
    assert two.take(KEY, 10.0, 0.1, 300.0, 1) == 0.0
    for cell in (0, 2, 4):
        one._ints[at + cell] = after_one[cell]
    assert one.take(KEY, 10.0, 0.1, 300.1, 1) == pytest.approx(0.1)
    assert two.take(KEY, 10.0, 0.1, 300.2, 1) == 0.0


def test_a_worker_that_died_is_followed_by_one_that_goes_on_where_it_was(tmp_path):
    path = tmp_path / "limits"
    script = (
        "import sys, time; from pathlib import Path; from tenantry.admission import SharedLimits\n"
        "limits = SharedLimits(Path(sys.argv[1]), worker=1, workers=2)\n"
        "assert limits.take(('requests', 'acme'), 10.0, 1.0, 100.0, 7) == 0.0\n"
        "print('taken', flush=True); time.sleep(60)\n"
    )
    survivor = SharedLimits(path, worker=0, workers=2)
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    second = SharedLimits(path, worker=1, workers=2)
    assert not second.attached  # the number is taken while its process lives
    second.close()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    heir = SharedLimits(path, worker=1, workers=2)
    assert heir.attached
    assert heir.take(KEY, 10.0, 1.0, 100.0, 3) == 0.0
    assert survivor.take(KEY, 10.0, 1.0, 100.0, 1) == pytest.approx(0.1)


def test_a_column_that_is_taken_falls_back_to_a_part_of_the_limit(tmp_path):
    first = SharedLimits(tmp_path / "limits", worker=0, workers=4)
    second = SharedLimits(tmp_path / "limits", worker=0, workers=4)
    assert (first.attached, second.attached) == (True, False)
    rates = Rates(second)
    assert [rates.take(KEY, 8.0, 1.0, 50.0) > 0 for _ in range(3)] == [False, False, True]
    assert second.fallbacks == 3
    first.close()
    assert rates.take(KEY, 8.0, 1.0, 90.0) == 0.0
    assert (second.attached, second.fallbacks) == (True, 3)


def test_more_keys_than_slots_fall_back_and_slots_that_rest_are_used_again(tmp_path):
    limits = SharedLimits(tmp_path / "limits", worker=0, workers=2, slots=4)
    rates = Rates(limits)
    keys = [("requests", f"t{n}") for n in range(6)]
    for key in keys:
        assert rates.take(key, 1.0, 2.0, 1000.0) == 0.0
    assert limits.fallbacks == 2
    # The other two have half a rate of their own: one request in two seconds.
    assert rates.take(keys[5], 1.0, 2.0, 1000.0) == pytest.approx(2.0)
    # Their slots' buckets have leaked empty: others may have them, and they find new ones in their turn.
    fallbacks = limits.fallbacks
    for key in keys[4:]:
        for _ in range(2):
            assert rates.take(key, 1.0, 2.0, 1040.0) == 0.0
    assert limits.fallbacks == fallbacks
    for key in keys[:2]:
        assert rates.take(key, 1.0, 2.0, 1080.0) == 0.0
        assert rates.take(key, 1.0, 2.0, 1080.0) == 0.0
        assert rates.take(key, 1.0, 2.0, 1080.0) == pytest.approx(1.0)
    assert limits.fallbacks == fallbacks


def test_a_worker_whose_slot_went_to_another_key_notices(tmp_path):
    one, two = open_pair(tmp_path / "limits", slots=1)
    assert one.take(KEY, 10.0, 1.0, 100.0, 5) == 0.0
    assert two.take(("requests", "other"), 10.0, 1.0, 200.0, 10) == 0.0
    assert one.take(KEY, 10.0, 1.0, 200.0, 1) is None  # the only slot is another's, and in use
    assert one.take(("requests", "other"), 10.0, 1.0, 200.0, 1) == pytest.approx(0.1)


def test_a_file_of_another_shape_or_of_rubbish_is_replaced(tmp_path):
    path = tmp_path / "limits"
    path.write_bytes(b"rubbish" * 100)
    first = SharedLimits(path, worker=0, workers=2)
    assert first.take(KEY, 1.0, 1.0, 10.0, 1) == 0.0
    first.close()
    again = SharedLimits(path, worker=0, workers=2)
    assert again.take(KEY, 1.0, 1.0, 10.0, 1) == pytest.approx(1.0)
    again.close()
    other = SharedLimits(path, worker=0, workers=3)
    assert other.take(KEY, 1.0, 1.0, 10.0, 1) == 0.0


def test_a_worker_number_out_of_range_is_refused(tmp_path):
    with pytest.raises(ValueError, match="worker 2 of 2"):
        SharedLimits(tmp_path / "limits", worker=2, workers=2)
