"""From a file to a model by one command, in this process and by a server's worker."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Run

pytestmark = pytest.mark.xdist_group("server")  # one server is enough


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(3)
    rows = ["customer;plan;monthly;gone"]
    for number in range(400):
        plan, monthly = chance.choice(["basic", "plus"]), chance.uniform(5, 95)
        gone = "yes" if chance.random() < 0.1 + 0.4 * (plan == "basic") + 0.4 * (monthly > 60) else "no"
        rows.append(f"C{number};{plan};{monthly:.2f};{gone}")
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_newcomer_needs_one_command_to_a_model_and_one_to_scores(
    tenantry: Run, customers: Path, tmp_path: Path
) -> None:
    home = ("--home", tmp_path / "home", "--tenant", "acme")
    options = ("--budget", "4", "--positive", "yes", "--record-key", "customer")
    done = tenantry(*home, "train", customers, "--name", "gone", "--target", "gone", *options)
    assert done.status == 0, done.err
    assert "tenant acme created" in done.err
    assert "400 rows, 4 columns" in done.err
    assert "gone version 1, promoted to champion" in done.out
    assert "Top predictors" in done.out

    card = tenantry(*home, "--json", "scorecard", "gone").json
    columns = {column["name"]: column for column in card["columns"]}
    assert set(columns) == {"customer", "plan", "monthly", "gone"}
    assert columns["customer"]["role"] == "key"
    assert columns["gone"]["role"] == "target"
    assert columns["plan"]["impact"] > 0
    assert all(column["type"] for column in columns.values())

    out = tmp_path / "scores.csv"
    assert tenantry(*home, "predict", "gone", customers, "--explain", "1", "--out", out).status == 0
    lines = out.read_text().splitlines()
    assert lines[0] == "customer,label,score,probability_no,probability_yes,reasons,model_version"
    assert [line.split(",")[0] for line in lines[1:4]] == ["C0", "C1", "C2"]
    assert len(lines) == 401

    again = tenantry(*home, "--json", "train", customers, "--name", "gone").json
    assert again["version"] == 2
    assert again["metrics"][0]["name"]
    assert tenantry(*home, "--json", "job", "show", again["job"]).json["state"] == "succeeded"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--name", "x", "--target", "nothing"], "target_missing"),
        (["--name", "x", "--target", "gone", "--exclude", "nothing"], "column_missing"),
        (["--name", "x y", "--target", "gone"], "bad_name"),
        (["--name", "x", "--target", "gone", "--budget", "-1"], "definition_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_trained_is_refused_before_a_job_is_made(
    tenantry: Run, customers: Path, tmp_path: Path, words: list[str], code: str
) -> None:
    home = ("--home", tmp_path, "--tenant", "acme", "--json")
    done = tenantry(*home, "train", customers, *words)
    assert done.status == 1
    assert done.error["code"] == code
    if (tmp_path / "tenantry.db").exists() and tenantry(*home, "tenant", "list").json:
        assert tenantry(*home, "job", "list").json == []


def test_a_refusal_of_the_training_is_the_commands_error(tenantry: Run, tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text("a,b\n" + "1,x\n2,y\n" * 6)
    home = ("--home", tmp_path / "home", "--tenant", "acme", "--json")
    done = tenantry(*home, "train", small, "--name", "b", "--target", "b")
    assert done.status == 1
    assert done.error["code"] == "too_few_rows"
    assert tenantry(*home, "job", "list").json[0]["error"]["code"] == "too_few_rows"


def test_a_server_trains_and_the_command_follows(tenantry: Run, served: Path, customers: Path) -> None:
    words = ("--name", "gone", "--target", "gone", "--budget", "4", "--exclude", "customer")
    done = tenantry("--home", served, "--tenant", "bolt", "--json", "train", customers, *words)
    assert done.status == 0, done.err
    assert done.json["promoted"]
    assert done.json["verdict"]
    assert "publish" in done.err
    scored = tenantry("--home", served, "--tenant", "bolt", "predict", "gone", customers)
    assert len(scored.out.splitlines()) == 401


def test_an_interrupt_cancels_the_training(tenantry: Run, customers: Path, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path), "--tenant", "acme")
    words = ["train", str(customers), "--name", "gone", "--target", "gone", "--budget", "60"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tenantry.cli", *home, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs are deaf to SIGINT, and so would be this one, if the tests run in such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 — one thread here
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "running" in line or "ingest" in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    jobs = tenantry(*home, "--json", "job", "list").json
    assert [job["state"] for job in jobs] == ["cancelled"]
