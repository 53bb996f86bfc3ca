"""From segments to files per tenant: every request once, in its tenant's files only, whatever is killed when."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.predictions.logged import DAY, NOON, row, spool

from tenantry.adapters.arrow import ParquetLogFiles
from tenantry.errors import Corrupt, InvalidRequest
from tenantry.predictions import LoggedRequest, LogKeeper, PredictionLog, Retention
from tenantry.predictions import compact as compacting
from tenantry.predictions import fold as folding
from tenantry.predictions import keeper as keeping
from tenantry.predictions.block import Row, decode_block, encode_block
from tenantry.predictions.layout import listed
from tenantry.segments import SegmentReader
from tenantry.tenancy import TenantId

ACME = TenantId("acme")
FILES = ParquetLogFiles()
FOLDING = Path(__file__).with_name("folding.py")


class Place:
    """A spool, a log, and a keeper between them."""

    def __init__(self, path: Path, retention: Retention | None = None) -> None:
        self.spool, self.root = path / "spool", path / "predictions"
        self.now, self.clock = NOON, 0.0
        self.log = PredictionLog(self.root, FILES)
        self.keeper = LogKeeper(
            self.spool, self.root, FILES, retention, now=lambda: self.now, clock=lambda: self.clock
        )

    def files(self) -> list[Path]:
        return sorted(self.root.rglob("*.parquet"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def expected(rows: list[Row]) -> list[LoggedRequest]:
    return sorted(decode_block(encode_block(rows, 0.0)), key=lambda request: request.time)


def test_every_request_comes_out_once_and_with_equal_bytes(place: Place) -> None:
    rows = [row(number) for number in range(500)]
    spool(place.spool, rows)
    assert place.keeper.step() == 500
    told = list(place.log.read(ACME, "churn"))
    assert told == expected(rows)
    assert [request.body for request in told] == [row(number)[12] for number in range(500)]
    assert told[4].labels == [outcome[0] for outcome in row(4)[13]]
    assert told[4].time == NOON + 4
    assert told[4].seconds == 0.25
    assert SegmentReader(place.spool).closed("inference") == []
    assert place.keeper.step() == 0


def test_no_file_holds_two_tenants_or_deployments(place: Place) -> None:
    chance = random.Random(1)
    tenants, names = ["acme", "bolt", "crux"], ["churn", "Lead.score_2"]
    rows = [row(number, chance.choice(tenants), chance.choice(names)) for number in range(600)]
    spool(place.spool, rows)
    place.keeper.step()
    for tenant in tenants:
        for name in names:
            mine = [one for one in rows if one[2] == tenant and one[3] == name]
            assert list(place.log.read(TenantId(tenant), name)) == expected(mine)
    for path in place.files():
        table = pq.read_table(path, partitioning=None)
        deployment, tenant = path.parent.parent.name, path.parent.parent.parent.name
        assert set(table["tenant"].to_pylist()) == {tenant}
        assert set(table["deployment"].to_pylist()) == {deployment}
        assert path.stat().st_mode & 0o077 == 0
    assert list(place.log.read(TenantId("dora"), "churn")) == []


def test_requests_go_by_their_date(place: Place) -> None:
    rows = [row(number, at=NOON + number * DAY / 2 + 0.001) for number in range(4)]
    spool(place.spool, rows)
    place.keeper.step()
    days = sorted({path.parent.name for path in place.files()})
    assert len(days) == 3
    assert [len(list((place.root / "acme" / "churn" / day).iterdir())) for day in days] == [1, 1, 1]
    assert list(place.log.read(ACME, "churn")) == expected(rows)


def test_reading_a_part(place: Place) -> None:
    rows = [row(number, at=NOON + number * 3600) for number in range(48)]
    for start in range(0, 48, 5):  # several files a day
        spool(place.spool, rows[start : start + 5])
        place.keeper.drain()
    everything = expected(rows)
    read = place.log.read
    assert list(read(ACME, "churn", NOON + 3600 * 3, NOON + 3600 * 20)) == everything[3:20]
    assert list(read(ACME, "churn", limit=7)) == everything[:7]
    assert list(read(ACME, "churn", newest=True)) == everything[::-1]
    assert (
        list(read(ACME, "churn", NOON + 3600 * 3, NOON + 3600 * 20, 4, newest=True)) == everything[19:15:-1]
    )
    assert list(read(ACME, "churn", -5.0, 1e15, 0)) == []
    assert list(read(ACME, "churn", 5.0, 4.0)) == []


@pytest.mark.parametrize(
    ("tenant", "name"), [("../acme", "churn"), ("acme", "../churn"), ("acme", ".."), ("", "churn")]
)
def test_no_name_leads_out_of_the_folder(place: Place, tenant: str, name: str) -> None:
    with pytest.raises(InvalidRequest):
        place.log.read(TenantId(tenant), name)
    spool(place.spool, [row(1, tenant, name), row(2)])
    assert place.keeper.drain() == 1
    assert [path.parent.parent for path in place.files()] == [place.root / "acme" / "churn"]


def test_files_stay_few_and_reading_stays_the_same(place: Place) -> None:
    rows = [row(number) for number in range(120)]
    for start in range(0, 120, 3):
        spool(place.spool, rows[start : start + 3])
        place.keeper.drain()
        assert len(place.files()) <= compacting.FAN
    assert list(place.log.read(ACME, "churn")) == expected(rows)
    (day,) = {path.parent for path in place.files()}
    counting, covered = listed(day, ".parquet")
    assert covered == []
    assert all(one.last < two.first for one, two in pairwise(counting))


def test_a_byte_is_merged_a_few_times_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = []
    real = ParquetLogFiles.merge

    def counting(self: ParquetLogFiles, paths: Sequence[Path], into: Path) -> None:
        merged.append(sum(pq.read_metadata(path).num_rows for path in paths))
        real(self, paths, into)

    monkeypatch.setattr(ParquetLogFiles, "merge", counting)
    for number in range(64):
        spool(place.spool, [row(number * 40 + place) for place in range(40)])
        place.keeper.drain()
    assert len(list(place.log.read(ACME, "churn"))) == 2560
    assert len(place.files()) <= 2 * compacting.FAN
    assert sum(merged) / 2560 <= 4


def test_large_files_are_left_as_they_are(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "LARGEST_BYTES", 60_000)
    for number in range(40):
        spool(place.spool, [row(number * 40 + place) for place in range(40)])
        place.keeper.drain()
    assert max(path.stat().st_size for path in place.files()) < 60_000
    assert len(list(place.log.read(ACME, "churn"))) == 1600


def test_a_merge_that_a_kill_cut_short_is_not_read_twice(place: Place) -> None:
    rows = [row(number) for number in range(30)]
    for start in range(0, 30, 10):
        spool(place.spool, rows[start : start + 10])
        place.keeper.drain()
    files = place.files()
    day = files[0].parent
    counting, _ = listed(day, ".parquet")
    FILES.merge(files, day / f"{counting[0].first:012d}-{counting[-1].last:012d}.parquet")
    (day / ".part-left.parquet").write_bytes(b"left behind")
    assert len(place.files()) == 5
    assert list(place.log.read(ACME, "churn")) == expected(rows)
    fresh = Place(day.parents[3])
    fresh.keeper.step()  # its first round cleans up
    assert [path.name for path in day.iterdir()] == [
        f"{counting[0].first:012d}-{counting[-1].last:012d}.parquet"
    ]
    assert list(place.log.read(ACME, "churn")) == expected(rows)


def test_a_reader_is_not_put_out_by_a_merge_under_its_eyes(place: Place) -> None:
    rows = [row(number) for number in range(14)]
    for number in range(7):
        spool(place.spool, rows[number * 2 : number * 2 + 2])
        place.keeper.drain()

    class Meanwhile(ParquetLogFiles):
        merged = False

        def read(self, path: Path, since: float, until: float, *, newest: bool) -> Iterator[LoggedRequest]:
            if not self.merged:
                self.merged = True
                spool(place.spool, [row(14)])
                place.keeper.drain()
                assert len(place.files()) == 1
            return super().read(path, since, until, newest=newest)

    log = PredictionLog(place.root, Meanwhile())
    assert list(log.read(ACME, "churn")) == expected([*rows, row(14)])


def test_kill_9_in_the_middle_of_folds_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kill_in_folds(Place(tmp_path), turns=5, seed=0)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_many_kills_in_the_middle_of_folds(tmp_path: Path, soak_full: bool) -> None:  # noqa: FBT001
    kill_in_folds(Place(tmp_path), turns=200 if soak_full else 20, seed=1)


def kill_in_folds(place: Place, turns: int, seed: int) -> None:
    """Spool some, fold it in another process, kill that at random; in the end all is there, once."""
    chance = random.Random(seed)
    rows: list[Row] = []
    kills = 0
    for turn in range(turns):
        more = [row(number, f"t{number % 9}") for number in range(turn * 90, turn * 90 + 90)]
        rows += more
        spool(place.spool, more, block=15)
        with subprocess.Popen(
            [sys.executable, str(FOLDING), str(place.spool), str(place.root)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.15))
            kills += process.poll() is None
            process.kill()
        for tenant in range(9):
            told = [request.request_id for request in place.log.read(TenantId(f"t{tenant}"), "churn")]
            assert len(told) == len(set(told))  # nothing is told twice, even in between
    assert kills > turns // 3
    place.keeper.drain()
    for tenant in range(9):
        mine = [one for one in rows if one[2] == f"t{tenant}"]
        assert list(place.log.read(TenantId(f"t{tenant}"), "churn")) == expected(mine)


@pytest.mark.parametrize("point", range(12))
def test_a_crash_at_any_point_of_a_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: int) -> None:
    """The same at chosen points: between any two changes of the disk."""
    place = Place(tmp_path)
    rows = [row(number, f"t{number % 3}") for number in range(90)]
    spool(place.spool, rows, block=30, segment_bytes=100)
    left = [point]

    class Crash(BaseException):
        pass

    def counted(real: object) -> object:
        def call(*args: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                raise Crash
            return real(*args, **named)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        patch.setattr(folding.layout, "sync_all", counted(folding.layout.sync_all))
        try:
            place.keeper.drain()
        except Crash:
            pass
        else:
            assert point >= 10, "the points end too early"
    Place(tmp_path).keeper.drain()
    for tenant in range(3):
        mine = [one for one in rows if one[2] == f"t{tenant}"]
        assert list(place.log.read(TenantId(f"t{tenant}"), "churn")) == expected(mine)
    assert SegmentReader(place.spool).closed("inference") == []


def test_a_stop_ends_a_step_between_files_and_the_next_finishes_it(place: Place) -> None:
    rows = [row(number, f"t{number % 5}") for number in range(50)]
    spool(place.spool, rows)
    asked = iter([False, False, True])
    assert place.keeper.step(lambda: next(asked)) == 0
    assert len(place.files()) == 2
    assert place.keeper.step() == 50


def test_days_are_forgotten_and_a_tenant_stays_within_its_bytes(tmp_path: Path) -> None:
    place = Place(tmp_path, Retention(days=3, tenant_bytes=20_000))
    rows = [row(number, at=NOON - number * DAY) for number in range(5)]
    spool(place.spool, rows)
    place.keeper.step()
    assert len(list(place.log.read(ACME, "churn"))) == 3
    place.clock += 4000
    spool(place.spool, [row(number, at=NOON - DAY) for number in range(100, 700)])
    place.keeper.step()
    place.clock += 4000
    place.keeper.step()
    assert sum(path.stat().st_size for path in place.files()) <= 20_000
    assert [request.time for request in place.log.read(ACME, "churn")] == [NOON]


def test_the_keeper_rests_in_proportion_to_its_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(path: Path) -> None:
        place.clock += 2.0

    monkeypatch.setattr(folding.layout, "sync_all", slow)
    spool(place.spool, [row(1)])
    assert place.keeper.step() == 1
    spool(place.spool, [row(2)])
    place.clock += 39.0
    assert place.keeper.step() == 0
    place.clock += 2.0
    assert place.keeper.step() == 1
    spool(place.spool, [row(3)])
    assert place.keeper.step() == 0
    monkeypatch.setattr(keeping, "BACKLOG_BYTES", 10)
    assert place.keeper.step() == 1


def test_damage_costs_what_is_damaged(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    spool(place.spool, [row(number) for number in range(40)], block=10, segment_bytes=1 << 20)
    spool(place.spool, [row(number) for number in range(40, 50)])
    first, _ = SegmentReader(place.spool).closed("inference")
    data = bytearray(first.read_bytes())
    data[-10] ^= 1  # in the last of four blocks
    first.write_bytes(data)
    assert place.keeper.step() == 40
    ids = {request.request_id for request in place.log.read(ACME, "churn")}
    assert ids == {f"r{number}" for number in [*range(30), *range(40, 50)]}
    assert "the rest of a segment is lost" in capsys.readouterr().out
    assert len(list(place.spool.rglob("*.bad"))) == 1
    assert place.keeper.step() == 0


def test_damaged_files_are_told_by_name(place: Place) -> None:
    spool(place.spool, [row(1)])
    place.keeper.step()
    (path,) = place.files()
    path.write_bytes(b"PAR1 ruined")
    with pytest.raises(Corrupt) as raised:
        list(place.log.read(ACME, "churn"))
    assert raised.value.code == "log_corrupt"
    assert str(path) in raised.value.message
    pq.write_table(pa.table({"time": [NOON]}), path)
    with pytest.raises(Corrupt, match="no file of the inference log"):
        list(place.log.read(ACME, "churn"))


def test_a_lost_journal_makes_no_number_come_twice(place: Place) -> None:
    spool(place.spool, [row(1)])
    place.keeper.step()
    (place.root / "journal").unlink()
    time.sleep(1.1)
    spool(place.spool, [row(2)])
    place.keeper.step()
    assert len(list(place.log.read(ACME, "churn"))) == 2
    (place.root / "journal").write_text("ruined")
    spool(place.spool, [row(3)])
    assert place.keeper.step() == 0
    with pytest.raises(Corrupt):
        place.keeper.drain()


def test_the_journal_is_json(place: Place) -> None:
    spool(place.spool, [row(1)])
    place.keeper.step()
    assert json.loads((place.root / "journal").read_text())["state"] == "done"
