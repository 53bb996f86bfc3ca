"""Keys, records, logs and objectives: read as they are meant, refused with the place of the fault."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.loadtest.conftest import Asked, SmallServer, fine, reply

from tenantry.errors import InvalidRequest, TenantryError, Unavailable
from tenantry.loadtest import (
    Input,
    KeyLine,
    Load,
    Target,
    assemble,
    bodies,
    inputs_of,
    load_test,
    random_records,
    read_keys,
    read_log,
    read_objectives,
    read_records,
    replay,
    targets_of,
)

Serve = Callable[..., SmallServer]
URL = "http://127.0.0.1:1"


def test_keys_name_tenants_models_classes_and_headers(tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    file.write_text("key,tenant,model,acting,class,header:X-Plan\nk1,acme,,,gold,a\nk2,bolt,churn,yes,,\n")
    assert read_keys(file) == [
        KeyLine(key="k1", tenant="acme", group="gold", headers={"X-Plan": "a"}),
        KeyLine(key="k2", tenant="bolt", model="churn", acting=True),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tenant\nacme\n", "no column 'key'"),
        ("key,secret\nk,x\n", "'secret'"),
        ("key\na\n\x00\n", "line 3"),
        ("key,tenant\n,acme\n", "line 2"),
        ("key,acting\nk,yes\n", "names none"),
        ("key,header:X A\nk,b\n", "'X A'"),
        ('key,header:X\nk,"a\r\nHost: evil"\n', "'X'"),
        ("key\nk,more\n", "more fields"),
        ("key\n\xff\n", "UTF-8"),
    ],
)
def test_bad_keys_are_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "keys.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest) as caught:
        read_keys(file)
    assert caught.value.code == "load_keys"
    assert said in caught.value.message


def test_models_and_inputs_are_asked_for_with_each_key(serve: Serve) -> None:
    async def api(asked: Asked) -> bytes:
        tenant = asked.headers.get("x-tenant", asked.headers["authorization"].removeprefix("Bearer "))
        if asked.path == "/base/v2/models":
            return reply(json.dumps({"models": [f"{tenant}-a", f"{tenant} b"]}).encode())
        name = asked.path.rpartition("/")[2]
        return reply(
            json.dumps({"inputs": [{"name": f"x of {name}", "datatype": "FP64", "shape": [-1]}]}).encode()
        )

    url = f"{serve(api).url}/base"
    keys = [
        KeyLine(key="acme"),
        KeyLine(key="op", tenant="bolt", acting=True),
        KeyLine(key="k", model="only"),
    ]
    targets = targets_of(url, keys)
    assert [target.model for target in targets] == ["acme-a", "acme b", "bolt-a", "bolt b", "only"]
    found = inputs_of(url, targets)
    assert [one.name for (one,) in found] == [
        "x of acme-a",
        "x of acme%20b",
        "x of bolt-a",
        "x of bolt%20b",
        "x of only",
    ]


def test_a_server_that_refuses_or_is_none_is_named(serve: Serve) -> None:
    async def refuses(asked: Asked) -> bytes:
        return reply(b'{"error":"no such key"}', "401 Unauthorized")

    async def is_another(asked: Asked) -> bytes:
        return reply(b"<html>")

    for answer, said in ((refuses, "401 no such key"), (is_another, "not a scoring API")):
        with pytest.raises(Unavailable) as caught:
            targets_of(serve(answer).url, [KeyLine(key="k")])
        assert caught.value.code == "load_unreachable"
        assert said in caught.value.message
    gone = serve(fine)
    gone.close()
    with pytest.raises(Unavailable, match="connect_failed"):
        targets_of(gone.url, [KeyLine(key="k")])


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://", "http://x:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        assemble(url, [(Target(tenant="t", model="m", key="k"), [b"{}"])])
    assert caught.value.code == "load_url"


def test_records_come_from_csv_and_json_lines(tmp_path: Path) -> None:
    table, lines = tmp_path / "r.csv", tmp_path / "r.jsonl"
    table.write_text("a,b\n1,x\n,y\n")
    lines.write_text('{"a":1}\n\n{"a":null}\n')
    assert read_records(table) == [{"a": "1", "b": "x"}, {"a": None, "b": "y"}]
    assert read_records(lines) == [{"a": 1}, {"a": None}]
    for text in ("[1]\n", "{\n", ""):
        lines.write_text(text)
        with pytest.raises(InvalidRequest) as caught:
            read_records(lines)
        assert caught.value.code == "load_records"


INPUTS = (Input("n", "FP64"), Input("w", "BYTES"), Input("i", "INT64"), Input("f", "BOOL"))


def test_random_records_have_the_right_types_and_the_same_seed_the_same_ones() -> None:
    records = random_records(INPUTS, 200, seed=1)
    kinds = {name: {type(record[name]) for record in records} - {type(None)} for name in "nwif"}
    assert kinds == {"n": {float}, "w": {str}, "i": {int}, "f": {bool}}
    assert any(record["n"] is None for record in records)
    assert records == random_records(INPUTS, 200, seed=1) != random_records(INPUTS, 200, seed=2)


def test_bodies_hold_the_records_in_turn() -> None:
    records = [{"n": number} for number in range(5)]
    assert bodies(records) == [b'{"n":%d}' % number for number in range(5)]
    twos = [msgspec.json.decode(body) for body in bodies(records, rows=2)]
    assert [[row["n"] for row in body] for body in twos] == [[0, 1], [2, 3], [4, 0]]
    assert len(bodies(records * 100, pool=64)) == 64


def test_bodies_of_the_open_inference_protocol_have_typed_columns() -> None:
    records = [{"n": "1.5", "w": 7}, {"n": "x", "w": None}]
    (body,) = bodies(records, protocol="v2", rows=2, inputs=INPUTS[:2])
    assert msgspec.json.decode(body) == {
        "inputs": [
            {"name": "n", "shape": [2], "datatype": "FP64", "data": [1.5, None]},
            {"name": "w", "shape": [2], "datatype": "BYTES", "data": ["7", None]},
        ]
    }


def log_line(seconds: float | str, tenant: str = "acme", body: object = None) -> str:
    return json.dumps(
        {"time": seconds, "tenant": tenant, "deployment": "m", "body": body or {"a": 1}, "more": 1}
    )


def test_a_log_is_replayed_at_its_pace(tmp_path: Path, serve: Serve) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join([log_line(100.4, "bolt", '{"b": 2}'), log_line(100.0), log_line(101.0)]) + "\n")
    server = serve(fine)
    targets = [Target(tenant=tenant, model="m", key=tenant) for tenant in ("acme", "bolt", "coil")]
    requests, recorded = replay(server.url, read_log(file), targets, speed=2.0)
    assert recorded.offsets == pytest.approx((0.0, 0.2, 0.5))
    report = load_test(Load(url=server.url, requests=requests, shape="replay", recorded=recorded))
    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Bearer acme",
        "Bearer bolt",
        "Bearer acme",
    ]
    assert [asked.body for asked in server.asked] == [b'{"a":1}', b'{"b": 2}', b'{"a":1}']
    assert report.stages[0].requests == 3
    assert report.stages[0].seconds == pytest.approx(0.5, abs=0.01)
    several = Load(url=server.url, requests=requests, shape="replay", recorded=recorded, processes=2)
    assert load_test(several).stages[0].requests == 3


def test_a_log_s_times_may_be_dates(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(log_line("2024-01-01T00:00:00Z") + "\n" + log_line("2024-01-01T02:00:01+02:00") + "\n")
    first, second = read_log(file)
    assert second.time - first.time == 1.0


@pytest.mark.parametrize("line", ["{}", "no", log_line("yesterday")])
def test_a_bad_log_is_refused_by_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(log_line(1.0) + "\n" + line + "\n")
    with pytest.raises(InvalidRequest, match="line 2") as caught:
        read_log(file)
    assert caught.value.code == "load_replay"


def test_a_log_of_tenants_without_keys_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(log_line(1.0, "dune") + "\n")
    with pytest.raises(InvalidRequest, match="dune/m") as caught:
        replay(URL, read_log(file), [Target(tenant="acme", model="m", key="k")])
    assert caught.value.code == "load_targets"


def test_objectives_read_back_as_they_were_meant() -> None:
    found = read_objectives("p50=1ms, p99.9=1.5s,mean=900us,max=2s,errors=.5%,goodput=99%,throughput=2000/s")
    assert [one.text for one in found] == [
        "p50 ≤ 1 ms",
        "p999 ≤ 1,500 ms",
        "mean ≤ 0.9 ms",
        "max ≤ 2,000 ms",
        "errors ≤ 0.5 %",
        "goodput ≥ 99 %",
        "throughput ≥ 2,000/s",
    ]


@pytest.mark.parametrize(
    "text", ["", "p99", "p99=5", "p98=5ms", "errors=5ms", "p99=5%", "p99=-1ms", "goodput=1ms"]
)
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(TenantryError) as caught:
        read_objectives(text)
    assert caught.value.code == "load_objective"
