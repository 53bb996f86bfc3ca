"""The commands, embedded and through a server: the same words, the same answers."""

import csv
import gzip
import io
import json
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Done, Run

from tenantry.cli.show import figure

pytestmark = pytest.mark.xdist_group("server")  # one server is enough

RECORD = '{"tenure": 3, "Contract": "Month-to-month", "MonthlyCharges": 70.35}'
READS = [
    ["tenant", "list"],
    ["model", "list"],
    ["model", "show", "churn"],
    ["model", "show", "churn", "--version", "1"],
    ["model", "show", "churn", "--version", "champion"],
    ["model", "verify", "churn"],
    ["model", "insights", "churn"],
    ["model", "what-if", "churn", RECORD],
    ["model", "what-if", "churn", RECORD, "--at-most", "0.4", "--fixed", "Contract"],
    ["model", "what-if", "churn", RECORD, "--change", "Contract=Two year", "--change", "tenure=60"],
    ["model", "similar", "churn", RECORD, "--count", "2"],
    ["scorecard", "churn"],
    ["scorecard", "churn", "--version", "1"],
    ["job", "list"],
    ["job", "list", "--state", "failed"],
    ["key", "list"],
    ["schedule", "list"],
]
REFUSALS = [
    (["model", "show", "nothing"], "not_found"),
    (["model", "show", "churn", "--version", "9"], "not_found"),
    (["model", "promote", "churn", "9"], "not_found"),
    (["model", "promote", "churn", "1", "--alias", "7"], "bad_name"),
    (["scorecard", "churn", "--version", "shadow"], "not_found"),
    (["model", "insights", "churn", "--version", "1"], "insights_missing"),
    (["model", "similar", "churn", RECORD, "--version", "1"], "similar_missing"),
    (["model", "similar", "nothing", RECORD], "not_found"),
    (["model", "what-if", "churn", RECORD, "--change", "tenur=3"], "record_unknown"),
    (["model", "what-if", "churn", RECORD, "--label", "Maybe"], "goal_invalid"),
    (["model", "what-if", "churn", "{]"], "body_json"),
    (["model", "what-if", "churn", "no-such.json"], "file_not_found"),
    (["job", "show", "job-0"], "not_found"),
    (["job", "cancel", "job-0"], "not_found"),
    (["key", "revoke", "key-0"], "not_found"),
    (["schedule", "remove", "nothing"], "not_found"),
    (["schedule", "set", "nothing", "--every", "1d"], "not_found"),
    (["schedule", "set", "churn", "--every", "1d", "--dataset", "nothing"], "not_found"),
    (["schedule", "set", "churn", "--every", "90s"], "schedule_invalid"),
    (["schedule", "set", "churn", "--every", "400d"], "schedule_invalid"),
    (["tenant", "create", "acme"], "tenant_exists"),
    (["tenant", "create", "Not A Name"], "tenant_name"),
    (["predict", "nothing", "x.csv"], "not_found"),
    (["predict", "churn", "no-such.csv"], "file_not_found"),
    (["train", "no-such.csv", "--name", "x", "--target", "y"], "file_not_found"),
]


@pytest.fixture(params=["embedded", "server"])
def home(request: pytest.FixtureRequest, furnished: Path, tmp_path: Path) -> Path:
    """A home folder: a copy of its own with no server, or the one that the server runs on."""
    if request.param == "server":
        served: Path = request.getfixturevalue("served")
        return served
    own = tmp_path / "home"
    shutil.copytree(furnished, own)
    return own


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_both_ways_give_the_same_json(tenantry: Run, furnished: Path, served: Path, words: list[str]) -> None:
    answers = [tenantry("--home", home, "--tenant", "acme", "--json", *words) for home in (furnished, served)]
    assert [answer.status for answer in answers] == [0, 0]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_people_get_tables(tenantry: Run, furnished: Path, words: list[str]) -> None:
    done = tenantry("--home", furnished, "--tenant", "acme", *words)
    assert done.status == 0
    assert done.out.strip()
    assert done.err == ""


@pytest.mark.parametrize(("words", "code"), REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_both_ways_refuse_alike(
    tenantry: Run, furnished: Path, served: Path, words: list[str], code: str
) -> None:
    for home in (furnished, served):
        done = tenantry("--home", home, "--tenant", "acme", "--json", *words)
        assert done.status == 1, done
        assert done.error["code"] == code
        assert done.error["hint"]


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(tenantry: Run, home: Path) -> None:
    words = ("--home", home, "--tenant", "acme", "--json")
    made = tenantry(*words, "key", "create", "--role", "scorer", "--label", "shop", "--expires", "30d").json
    assert made["key"].startswith("tnk_")
    assert (made["role"], made["tenant"], made["label"]) == ("scorer", "acme", "shop")
    assert made["expires"] > made["created"]
    listed = tenantry(*words, "key", "list")
    assert made["id"] in listed.out
    assert made["key"] not in listed.out
    assert tenantry(*words, "key", "revoke", made["id"]).json["revoked"] is not None
    shown = tenantry("--home", home, "--tenant", "acme", "key", "create", "--role", "viewer")
    assert shown.out.startswith("tnk_")
    assert len(shown.out.split()) == 1


def test_operators_have_keys_of_their_own(tenantry: Run, home: Path) -> None:
    made = tenantry("--home", home, "--json", "key", "create", "--role", "operator").json
    assert made["tenant"] is None
    listed = tenantry("--home", home, "--json", "key", "list").json
    assert made["id"] in {key["id"] for key in listed}
    assert all(key["tenant"] is None for key in listed)


def test_a_key_that_has_run_out_is_listed_as_expired(
    tenantry: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--home", home, "--tenant", "acme", "key")
    made = tenantry(*words, "create", "--role", "viewer", "--expires", "30s", "--json").json
    monkeypatch.setattr(time, "time", lambda: made["expires"] + 1)
    line = next(line for line in tenantry(*words, "list").out.splitlines() if made["id"] in line)
    assert line.split()[-1] == "expired"


def test_a_key_says_which_tenant_is_meant(tenantry: Run, served: Path) -> None:
    home = ("--home", served)
    made = tenantry(*home, "--tenant", "acme", "--json", "key", "create", "--role", "viewer").json
    assert tenantry(*home, "--key", made["key"], "--json", "model", "list").json[0]["tenant"] == "acme"
    operator = (served / "operator.key").read_text().strip()
    assert tenantry(*home, "--key", operator, "--json", "model", "list").error["code"] == "usage"


def test_a_scorecard_says_from_which_probability_on_a_record_is_called_positive(
    tenantry: Run, furnished: Path
) -> None:
    words = ("--home", furnished, "--tenant", "acme", "scorecard", "churn")
    card = tenantry(*words, "--json").json
    said = (
        f"A record is called {card['positive_class']} from a probability of {figure(card['threshold'])} on."
    )
    assert said in tenantry(*words).out


def test_cancelling_what_has_ended_says_so(tenantry: Run, furnished: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(furnished, home)
    words = ("--home", home, "--tenant", "acme", "job")
    job = tenantry(*words, "list", "--json").json[0]
    assert job["state"] in ("succeeded", "failed")
    assert (
        tenantry(*words, "cancel", job["id"]).out.strip() == f"{job['id']} had ended before: {job['state']}"
    )


def test_a_schedule_is_set_listed_and_removed(tenantry: Run, home: Path) -> None:
    words = ("--home", home, "--tenant", "acme", "schedule")
    nightly = (*words, "set", "nightly", "--prediction", "churn", "--at", "02:30", "--every")
    kept = tenantry(*nightly, "1d", "--json").json
    assert (kept["name"], kept["prediction"], kept["dataset"]) == ("nightly", "churn", "churn")
    assert (kept["every_seconds"], kept["offset_seconds"]) == (86_400, 9_000)
    assert tenantry(*nightly, "1d").out.rstrip().endswith("02:30:00Z")
    hourly = tenantry(*nightly, "1h", "--json").json
    assert hourly["offset_seconds"] == 30 * 60
    assert hourly in tenantry(*words, "list", "--json").json
    assert "1h" in tenantry(*words, "list").out
    assert tenantry(*words, "remove", "nightly", "--json").json == {"removed": "nightly"}
    assert "nightly" not in tenantry(*words, "list").out


def test_promote_and_rollback_move_the_champion(tenantry: Run, home: Path) -> None:
    words = ("--home", home, "--tenant", "acme", "--json", "model")
    assert tenantry(*words, "promote", "churn", "1").json["number"] == 1
    assert tenantry(*words, "list").json[0]["aliases"]["champion"] == 1
    assert tenantry(*words, "rollback", "churn").json["number"] == 2
    assert tenantry(*words, "promote", "churn", "champion", "--alias", "canary").json["number"] == 2
    assert tenantry(*words, "list").json[0]["aliases"]["canary"] == 2


@pytest.mark.parametrize("export_format", ["onnx", "plan"])
def test_an_export_is_the_same_file_both_ways(
    tenantry: Run, furnished: Path, served: Path, tmp_path: Path, export_format: str
) -> None:
    files = []
    for number, home in enumerate((furnished, served)):
        out = tmp_path / f"export-{number}"
        words = ["--format", export_format, "--version", "1", "--out", out]
        done = tenantry("--home", home, "--tenant", "acme", "--json", "model", "export", "churn", *words)
        assert done.json["bytes"] == out.stat().st_size
        files.append(out.read_bytes())
    assert files[0] == files[1]


def test_an_export_is_named_after_its_version(
    tenantry: Run, furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tenantry("--home", furnished, "--tenant", "acme", "model", "export", "churn", "--version", "1")
    assert done.out.strip() == "churn-1.onnx"
    assert (tmp_path / "churn-1.onnx").stat().st_size > 100


def _rows(done: Done) -> list[dict[str, str]]:
    assert done.status == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_predict_gives_one_row_for_each_in_order_and_the_same_both_ways(
    tenantry: Run, furnished: Path, served: Path, records: Path
) -> None:
    words = ("predict", "churn", records, "--explain", "2", "--version", "1", "--tenant", "acme")
    ours, theirs = (_rows(tenantry("--home", home, *words)) for home in (furnished, served))
    assert ours == theirs
    assert list(ours[0]) == [
        "label",
        "score",
        "probability_No",
        "probability_Yes",
        "reasons",
        "model_version",
    ]
    assert len(ours) == 5
    for row in ours:
        assert row["label"] in ("No", "Yes")
        assert row["model_version"] == "1"
        assert float(row["score"]) == float(row["probability_Yes"])
        assert float(row["probability_No"]) + float(row["probability_Yes"]) == pytest.approx(1)
        assert len(json.loads(row["reasons"])) <= 2
    assert json.loads(ours[0]["reasons"])[0]["text"]
    without = _rows(tenantry("--home", furnished, *words[:3], "--version", "1", "--tenant", "acme"))
    assert {row["reasons"] for row in without} == {""}


def _read_back(path: Path) -> list[dict[str, Any]]:
    if path.name.endswith(".parquet"):
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return [{**row, "reasons": json.loads(row["reasons"])} for row in rows]
    text = gzip.decompress(path.read_bytes()).decode() if path.name.endswith(".gz") else path.read_text()
    if ".csv" not in path.name:
        return [json.loads(line) for line in text.splitlines()]
    found: list[dict[str, Any]] = []
    for row in csv.DictReader(io.StringIO(text)):
        numbers = {name: float(value) for name, value in row.items() if name.startswith(("score", "prob"))}
        found.append({**row, **numbers, "reasons": json.loads(row["reasons"])})
    return found


@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz", "s.jsonl", "s.jsonl.gz", "s.parquet"])
def test_the_ending_of_the_out_file_says_its_kind_and_all_hold_the_same(
    tenantry: Run, furnished: Path, records: Path, tmp_path: Path, name: str
) -> None:
    words = ("--home", furnished, "--tenant", "acme", "--json", "predict", "churn", records, "--explain", "1")
    shown = [json.loads(line) for line in tenantry(*words).out.splitlines()]
    done = tenantry(*words, "--out", tmp_path / name)
    assert done.json == {"rows": 5, "out": str(tmp_path / name), "model_version": "2"}
    assert _read_back(tmp_path / name) == shown
    assert {path.name for path in tmp_path.iterdir()} == {name, "records.csv"}


def test_a_failed_scoring_leaves_no_file(tenantry: Run, furnished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("colour,size\nred,1\n")
    done = tenantry(
        "--home",
        furnished,
        "--tenant",
        "acme",
        "--json",
        "predict",
        "churn",
        other,
        "--out",
        tmp_path / "s.csv",
    )
    assert done.status == 1
    assert done.error["code"] == "record_unknown"
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def test_predict_warns_of_a_file_unlike_the_training_table_and_scores_it(
    tenantry: Run, furnished: Path, served: Path, tmp_path: Path
) -> None:
    late, usual = tmp_path / "late.csv", tmp_path / "usual.csv"
    late.write_text("tenure\n" + "".join(f"{60 + row % 9}\n" for row in range(150)))
    usual.write_text("tenure\n" + "".join(f"{row % 36}\n" for row in range(150)))
    words = ("--tenant", "acme", "predict", "churn")
    for home in (furnished, served):
        done = tenantry("--home", home, *words, late)
        assert len(_rows(done)) == 150
        assert "warning: tenure is distributed otherwise than in training" in " ".join(done.err.split())
        assert "otherwise" not in tenantry("--home", home, *words, late, "--no-check").err
        assert "otherwise" not in tenantry("--home", home, *words, usual).err


def test_missing_columns_count_as_unknown_and_are_named(
    tenantry: Run, furnished: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part.csv"
    part.write_text("tenure\n5\n")
    done = tenantry("--home", furnished, "--tenant", "acme", "predict", "churn", part)
    assert len(_rows(done)) == 1
    assert "part.csv lacks MonthlyCharges, Contract, signed" in done.err


def test_a_definition_is_applied_both_ways(tenantry: Run, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "renewal.yaml"
    path.write_text("name: renewal\ntarget: renewed\npositive_class: yes\nkey: id\nexclude: [plan]\n")
    words = ("--home", home, "--tenant", "acme", "--json", "apply", "-f")
    kept = tenantry(*words, path).json
    assert (kept["name"], kept["key"], kept["exclude"]) == ("renewal", "id", ["plan"])
    path.write_text("nam: renewal\ntarget: [1]\n")
    done = tenantry(*words, path)
    assert done.status == 1
    assert done.error["code"] == "definition_invalid"
    assert "did you mean 'name'" in done.error["error"]


def test_without_a_target_training_needs_a_definition(tenantry: Run, home: Path, records: Path) -> None:
    done = tenantry("--home", home, "--tenant", "acme", "train", records, "--name", "unheard-of")
    assert done.status == 2
    assert "give --target" in done.err


def test_a_server_that_is_not_there_is_named(tenantry: Run, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:1", "nonsense://x", "http://"):
        done = tenantry("--home", tmp_path, "--server", url, "--key", "tnk_x", "--json", "tenant", "list")
        assert done.status == 1, url
        assert done.error["code"] == "server_unreachable"


def test_a_server_without_a_key_is_refused_before_it_is_asked(tenantry: Run, tmp_path: Path) -> None:
    done = tenantry("--home", tmp_path, "--server", "http://127.0.0.1:1", "--json", "tenant", "list")
    assert done.error["code"] == "unauthenticated"
    assert "--key" in done.error["hint"]


def test_a_server_that_is_named_is_the_one_that_is_loaded(
    tenantry: Run, served: Path, tmp_path: Path
) -> None:
    url = json.loads((served / "run" / "server.json").read_text())["control_url"]
    made = tenantry("--home", served, "--tenant", "acme", "--json", "key", "create", "--role", "scorer").json
    words = ("--home", tmp_path, "--server", url, "--json", "load", "--rate", "50")
    short = ("--duration", "1s", "--warmup", "0s")
    done = tenantry("--key", made["key"], *words, *short)
    assert done.status == 0, done.err
    assert done.json["report"]["stages"][0]["errors"] == 0
    assert tenantry(*words, *short).error["code"] == "unauthenticated"


def test_another_tenants_key_sees_nothing_of_acme(tenantry: Run, served: Path, records: Path) -> None:
    made = tenantry("--home", served, "--tenant", "bolt", "--json", "key", "create", "--role", "builder").json
    words = ("--home", served, "--key", made["key"], "--tenant", "acme", "--json")
    assert tenantry(*words, "model", "list").json == []
    for asked in (["scorecard", "churn"], ["predict", "churn", str(records)], ["model", "rollback", "churn"]):
        assert tenantry(*words, *asked).error["code"] == "not_found"
    assert tenantry(*words, "tenant", "list").error["code"] == "forbidden"


def test_what_a_killed_server_left_behind_is_not_taken_for_a_server(
    tenantry: Run, furnished: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(furnished, home)
    (home / "run").mkdir(exist_ok=True)
    facts = {"pid": 2**22 + 1, "control_url": "http://127.0.0.1:1", "data_url": "http://127.0.0.1:1"}
    for text in (json.dumps(facts), "not json", "{}", "[]"):
        (home / "run" / "server.json").write_text(text)
        assert tenantry("--home", home, "--json", "tenant", "list").status == 0


def test_a_second_server_on_the_same_home_is_refused(tenantry: Run, served: Path) -> None:
    done = tenantry("--home", served, "--json", "up", "--port", "0", "--control-port", "0")
    assert done.status == 1
    assert done.error["code"] == "already_running"
    assert (served / "run" / "server.json").exists()


def test_a_port_that_is_taken_is_named(tenantry: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = tenantry("--home", tmp_path, "--json", "up", "--port", str(port), "--control-port", "0")
    assert done.status == 1
    assert done.error["code"] == "port_taken"
    assert str(port) in done.error["error"]


def test_a_tenant_that_a_server_does_not_know_is_named(tenantry: Run, served: Path, records: Path) -> None:
    words = (
        "--home",
        served,
        "--tenant",
        "nobody",
        "--json",
        "train",
        records,
        "--name",
        "x",
        "--target",
        "y",
    )
    assert tenantry(*words).error["code"] == "tenant_unknown"
