"""One tenant's journey, by HTTP only: account, key, table, definition, training, scorecard, predictions."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tenantry.demo.cases import Case
from tenantry.demo.client import Client
from tenantry.demo.server import Address
from tenantry.errors import Unavailable

Report = Callable[[str, float], None]
"""Called with a stage in words and a fraction (0–1) of the training."""

BUDGET_CPU_SECONDS = 10.0
REASONS = 3
PUBLISH_SECONDS = 5.0


@dataclass(kw_only=True)
class Outcome:
    """What one tenant has at the end."""

    case: Case
    key: str
    scorecard: dict[str, Any]
    records: list[dict[str, str | None]]
    predictions: list[dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)


def travel(case: Case, at: Address, report: Report) -> Outcome:
    """Take one tenant from nothing to scored records. Raises ``Unavailable`` with the server's words."""
    began = time.perf_counter()
    seconds: dict[str, float] = {}

    def done(stage: str) -> None:
        nonlocal began
        seconds[stage] = time.perf_counter() - began
        began = time.perf_counter()

    with Client(at.control_url, at.operator_key) as operator:
        operator.post("/api/v1/tenants", {"id": case.tenant})
    with Client(at.control_url, at.operator_key, case.tenant) as admin:
        builder = admin.post("/api/v1/keys", {"role": "builder", "label": "demo builder"})["key"]
        scorer = admin.post("/api/v1/keys", {"role": "scorer", "label": "demo scorer"})["key"]
    # From here on with the tenant's own keys: the operator sees no data.
    with Client(at.control_url, builder) as control:
        report("upload", 0.0)
        with case.path() as path:
            control.upload(f"/api/v1/datasets/{case.prediction}", path)
        done("upload")
        control.put(
            f"/api/v1/predictions/{case.prediction}",
            {
                "target": case.target,
                "positive_class": case.positive_class,
                "exclude": case.exclude,
                "budget_cpu_seconds": BUDGET_CPU_SECONDS,
            },
        )
        _train(control, case, report)
        done("train")
        scorecard = control.get(f"/api/v1/models/{case.prediction}/versions/champion/scorecard")
    records = case.records()
    with Client(at.data_url, scorer) as scoring:
        _await_served(scoring, case)
        done("publish")
        reply = scoring.post(f"/predict/{case.prediction}?explain={REASONS}", records)
        done("score")
    return Outcome(
        case=case,
        key=scorer,
        scorecard=scorecard,
        records=records,
        predictions=reply["predictions"],
        seconds=seconds,
    )


def _train(control: Client, case: Case, report: Report) -> None:
    job = control.post(f"/api/v1/predictions/{case.prediction}/train", {})
    state, said = job["state"], ""
    for event in control.events(f"/api/v1/jobs/{job['id']}/events"):
        state = event["state"]
        said = event["detail"] or event["stage"]
        report(event["stage"] or state, event["progress"])
    if state != "succeeded":
        error = control.get(f"/api/v1/jobs/{job['id']}").get("error") or {}
        raise Unavailable(
            "server_refused", f"the training of {case.tenant} {state}: {error.get('error', said)}"
        )


def _await_served(scoring: Client, case: Case) -> None:
    """Workers look for a new endpoint table four times a second."""
    until = time.monotonic() + PUBLISH_SECONDS
    path = f"/predict/{case.prediction}"
    while scoring.status(path, {})[0] == 404 and time.monotonic() < until:
        time.sleep(0.05)


def knock(asker: Outcome, owner: Outcome, at: Address) -> tuple[int, str, bool]:
    """What ``asker``'s key gets for ``owner``'s model.

    Status, body, and whether the answer is byte for byte what a name that nobody has gets.
    """
    record = owner.records[0]
    with Client(at.data_url, asker.key) as client:
        foreign = client.status(f"/predict/{owner.case.prediction}", record)
        nowhere = client.status("/predict/no-such-model", record)
    return foreign[0], foreign[1], foreign == nowhere
