import json
import sys

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from tests.automl.tables import TENANT, codes, columns, customers, houses, learn, tickets

from tenantry import demo
from tenantry.apps import PredictionDefinition
from tenantry.automl import profile, train
from tenantry.bundle.scorecard import Scorecard
from tenantry.errors import Cancelled, Internal, InvalidData, InvalidRequest
from tenantry.evaluation import auroc_estimate
from tenantry.plan import Plan
from tenantry.schema import Role, SemanticType, Task


@pytest.fixture(scope="module")
def churn():
    return learn(customers(), "left")


@pytest.fixture(scope="module")
def teams():
    return learn(tickets(), "team")


@pytest.fixture(scope="module")
def prices():
    return learn(houses(), "price")


@pytest.fixture(params=["churn", "teams", "prices"])
def model(request):
    return request.getfixturevalue(request.param)


TABLES = {"probe left": (customers, "left"), "team": (tickets, "team"), "price": (houses, "price")}


def test_the_tasks_are_found(churn, teams, prices):
    assert (churn.signature.task, churn.signature.positive_class) == (Task.BINARY, "yes")
    assert churn.signature.classes == ("no", "yes")
    assert (teams.signature.task, teams.signature.classes) == (
        Task.MULTICLASS,
        ("access", "billing", "network"),
    )
    assert (prices.signature.task, prices.signature.classes) == (Task.REGRESSION, ())
    assert prices.scorecard.threshold is None


def test_the_signal_is_found(churn, teams, prices):
    assert churn.scorecard.metrics[0].value > 0.75
    assert teams.scorecard.metrics[0].value > 0.95
    assert prices.scorecard.metrics[0].value > 0.9


def test_every_plan_is_proven(model):
    assert model.receipt.passed
    assert model.receipt.rows > 0
    assert model.receipt.hostile_rows > 20


def test_every_column_is_named_with_its_part(churn):
    found = columns(churn)
    assert found["left"].role is Role.TARGET
    assert found["customer_id"].role is Role.EXCLUDED
    assert found["customer_id"].reason
    features = [c for c in found.values() if c.role is Role.FEATURE]
    assert {c.name for c in features} == {"plan", "months", "price", "since"}
    assert sum(c.impact for c in features) == pytest.approx(1.0)
    assert found["months"].impact > found["since"].impact
    assert found["price"].type is SemanticType.CURRENCY


def test_the_scorecard_is_complete_json(model):
    raw = msgspec.json.encode(model.scorecard)
    again = msgspec.json.decode(raw, type=Scorecard)
    assert msgspec.json.encode(again) == raw
    assert len(raw) < 400_000
    assert model.scorecard.verdict
    for metric in model.scorecard.metrics:
        assert metric.low <= metric.value <= metric.high
    assert model.scorecard.cpu_seconds > 0
    json.dumps(model.reference)
    assert model.model_card.startswith("# probe")
    assert len(model.feature_plan) == len(model.signature.inputs)
    assert {"lightgbm", "numpy", "python"} <= set(model.library_versions)


def test_curves_are_kept_for_each_task(churn, teams, prices):
    assert set(churn.scorecard.curves) == {"roc", "pr", "calibration", "lift", "confusion"}
    assert set(teams.scorecard.curves) == {"access", "billing", "network", "confusion_matrix"}
    assert set(prices.scorecard.curves) == {"residuals", "predicted_actual"}


def test_rare_classes_are_told(teams):
    assert "rare_classes" in codes(teams)


def test_the_plan_says_what_it_is(model):
    with Plan.from_bytes(model.plan) as plan:
        assert plan.meta.signature == model.signature
        assert plan.columns == tuple(column.name for column in model.signature.inputs)
        assert len(plan.meta.expected) == plan.n_outputs
        record = {}
        found = plan.explain(record, 0)
        assert sum(found) + plan.meta.expected[0] == pytest.approx(plan.margins(record)[0], abs=1e-4)


def test_reference_bins_count_every_row(churn):
    for name, feature in churn.reference["features"].items():
        counted = sum(feature.get("counts", feature.get("words", {}).values() or [0]))
        if "words" in feature:
            counted = sum(feature["words"].values()) + feature["other"]
        assert counted + feature["missing"] == churn.reference["rows"], name
    assert sum(churn.reference["score"]["counts"]) == churn.reference["rows"]


def test_a_seed_gives_the_same_plan_and_another_seed_another(churn):
    assert learn(customers(), "left").plan == churn.plan
    assert learn(customers(), "left", seed=1).plan != churn.plan


def test_new_rows_score_as_well_as_the_scorecard_says():
    model = learn(customers(1500), "left")
    fresh = customers(4000, seed=99)
    y = np.array([v == "yes" for v in fresh["left"].to_pylist()], dtype=np.int64)
    with Plan.from_bytes(model.plan) as plan:
        scores = np.array(plan.score_rows(fresh.drop_columns(["left"]).to_pylist()))[:, 0]
    measured, promised = auroc_estimate(y, scores), model.scorecard.metrics[0]
    assert promised.low - 2 * measured.error <= measured.value <= promised.high + 2 * measured.error
    assert abs(scores.mean() - y.mean()) < 0.04


def test_text_and_typed_columns_of_the_same_numbers_give_the_same_scores(prices):
    as_text = houses()
    area = as_text["area"].cast(pa.string())
    texts = as_text.set_column(as_text.column_names.index("area"), "area", area)
    with Plan.from_bytes(prices.plan) as plan:
        left = plan.score_rows(as_text.drop_columns(["price"]).to_pylist())
        right = plan.score_rows(texts.drop_columns(["price"]).to_pylist())
    assert left == right


def test_noise_is_called_noise():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "a": rng.normal(size=400),
            "b": [f"w{i}" for i in rng.integers(0, 60, 400)],
            "y": ["yes" if v else "no" for v in rng.random(400) < 0.5],
        }
    )
    card = learn(table, "y").scorecard
    assert card.metrics[0].low < 0.55
    assert card.metrics[0].value < 0.6


def test_fifty_rows_give_a_usable_model_with_a_warning():
    model = learn(customers(50, missing=0.0), "left")
    assert "small_data" in codes(model)
    assert model.receipt.passed


def test_a_dominant_column_is_pointed_out():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    table = pa.table(
        {
            "x": x,
            "a": rng.normal(size=400),
            "b": rng.normal(size=400),
            "y": x * 100 + rng.normal(size=400) * 60,
        }
    )
    assert "dominant_column" in codes(learn(table, "y"))


REFUSALS = {
    "too_few_rows": (customers(12), "left", {}),
    "target_missing": (customers(60), "nobody", {}),
    "no_usable_columns": (customers(60).select(["customer_id", "left"]), "left", {}),
    "too_many_columns": (pa.table({f"c{i}": ["a"] for i in range(2001)}), "c0", {}),
    "column_duplicate": (pa.Table.from_arrays([pa.array(["a"])] * 2, ["x", "x"]), "x", {}),
    "column_missing": (customers(60), "left", {"exclude": ("nobody",)}),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_bad_tables_are_refused_with_a_code_and_a_hint(code):
    table, target, fields = REFUSALS[code]
    with pytest.raises((InvalidData, InvalidRequest)) as refused:
        learn(table, target, **fields)
    assert refused.value.code == code
    assert refused.value.hint


def test_a_budget_of_nothing_is_refused_in_words():
    with pytest.raises(InvalidData) as refused:
        learn(customers(2000), "left", budget=0.001)
    assert refused.value.code == "budget_exhausted"


def test_a_tight_budget_still_gives_a_model_and_is_kept():
    model = learn(customers(6000), "left", budget=1.5)
    assert model.scorecard.cpu_seconds <= 1.5 * 1.1
    assert model.scorecard.metrics[0].value > 0.75


def test_progress_rises_and_may_cancel():
    seen = []
    learn(customers(200), "left", progress=lambda stage, share, detail: seen.append((stage, share, detail)))
    shares = [share for _, share, _ in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert {"profile", "learn", "compile", "prove", "describe"} == {stage for stage, _, _ in seen}

    def stop(stage, share, detail):
        raise Cancelled("job_cancelled", "stop")

    with pytest.raises(Cancelled):
        learn(customers(200), "left", progress=stop)


def test_a_plan_that_differs_from_the_pipeline_is_never_handed_out(monkeypatch):
    conductor = sys.modules["tenantry.automl.train"]  # the package gives its name to the function
    real = conductor.build_spec

    def bent(fitted, task, meta, seed):
        spec = real(fitted, task, meta, seed)
        spec.base[0] += 1e-3
        return spec

    monkeypatch.setattr(conductor, "build_spec", bent)
    with pytest.raises(Internal) as refused:
        learn(customers(200), "left")
    assert refused.value.code == "parity_failed"


def test_profile_names_every_column_without_a_target():
    found = {report.name: report for report in profile(TENANT, customers())}
    assert found["customer_id"].type is SemanticType.IDENTIFIER
    assert found["customer_id"].role is Role.EXCLUDED
    assert found["since"].type is SemanticType.DATE
    assert found["plan"].examples
    assert found["plan"].missing == pytest.approx(0.05, abs=0.03)


def test_churn_of_the_shipped_table_is_as_good_as_a_straight_logistic_regression():
    from importlib.resources import files

    path = str(files(demo) / "data" / "telco_churn.csv")
    names = csv.open_csv(path).schema.names
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    model = learn(csv.read_csv(path, convert_options=text), "Churn")
    found = {m.name: m for m in model.scorecard.metrics}
    assert found["auroc"].value > 0.84
    assert found["log_loss"].value < 0.42
    assert found["calibration_error"].value < 0.03
    assert len(model.plan) < 300_000
    assert columns(model)["customerID"].role is Role.EXCLUDED


def test_an_outcome_made_of_copies_of_one_row_is_still_learnt():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "a": [*rng.normal(size=100), *[1.2345] * 12],
            "b": [*rng.normal(size=100), *[5.4321] * 12],
            "y": ["no"] * 100 + ["yes"] * 12,
        }
    )
    assert learn(table, "y").receipt.passed


def test_a_budget_that_cuts_training_short_is_a_finding() -> None:
    rows = 20_000
    chance = np.random.default_rng(5)
    table = pa.table(
        {f"x{i}": [f"{v:.1f}" for v in chance.normal(size=rows)] for i in range(12)}
        | {"y": ["yes" if v > 0 else "no" for v in chance.normal(size=rows)]}
    )
    definition = PredictionDefinition(name="x", target="y")
    short = train(TENANT, table, definition, budget_cpu_seconds=1.2)
    long = train(TENANT, table, definition, budget_cpu_seconds=60.0)
    assert "budget_bound" in {finding.code for finding in short.scorecard.findings}
    assert "budget_bound" not in {finding.code for finding in long.scorecard.findings}
