import msgspec
import pytest
from tests.automl.tables import customers, learn

from tenantry.apps import PredictionDefinition
from tenantry.automl.gaps import find_gaps
from tenantry.automl.splits import Split
from tenantry.bundle import CalibrationReport, ColumnReport, Finding, LearningCurve, Metric, Scorecard
from tenantry.schema import Role, SemanticType, Task

SPLIT = Split("random", None, "at random")  # type: ignore[arg-type]
DEFINITION = PredictionDefinition(name="p", target="y")


def column(name, kind=SemanticType.NUMBER, role=Role.FEATURE):
    return ColumnReport(name=name, type=kind, role=role)


def card(*columns, **changes):
    made = Scorecard(
        prediction="p",
        target="y",
        task=Task.BINARY,
        classes=("no", "yes"),
        positive_class="yes",
        threshold=0.4,
        rows=5000,
        metrics=(Metric(name="auroc", value=0.8, low=0.78, high=0.82, guessing=0.5),),
        verdict="",
        columns=columns or (column("x"),),
        findings=(),
        curves={},
        members={},
        cpu_seconds=1.0,
        budget_cpu_seconds=2.0,
        plan_bytes=1,
        seed=0,
    )
    return msgspec.structs.replace(made, **changes)


def found(made, definition=DEFINITION, split=SPLIT):
    return {gap.code: gap for gap in find_gaps(made, definition, split)}


def test_a_first_model_lacks_what_nobody_has_said_yet():
    gaps = found(card())
    assert set(gaps) == {"gap_time", "gap_costs", "gap_key"}
    assert all(gap.action.endswith(".") and not gap.message.endswith(".") for gap in gaps.values())


def test_what_is_said_is_no_gap():
    said = PredictionDefinition(
        name="p",
        target="y",
        key="id",
        costs={"false_positive": 1.0, "false_negative": 3.0},
        protected=("sex",),
    )
    assert found(card(column("sex")), said, Split("time", None, "by time")) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        *((name, True) for name in ("Gender", "SeniorCitizen", "marital-status", "age", "customer_age")),
        *((name, False) for name in ("page", "message", "average", "essex", "image")),
    ],
)
def test_columns_that_describe_people_are_asked_about(name, personal):
    assert ("gap_protected" in found(card(column(name)))) is personal


def test_a_column_that_is_left_out_is_not_asked_about():
    assert "gap_protected" not in found(card(column("sex", role=Role.EXCLUDED), column("x")))


def test_figures_that_do_not_hold_come_first():
    loose = Metric(name="auroc", value=0.8, low=0.7, high=0.9, guessing=0.5)
    off = CalibrationReport(error=0.1, chance=0.02, rows=5000, calibrated=False, words="")
    curve = LearningCurve(
        metric="log_loss",
        rows=(10, 20, 40),
        loss=(0.6, 0.5, 0.45),
        doubled=0.02,
        doubled_low=0.01,
        doubled_high=0.03,
        helps=True,
        words="More rows would help.",
    )
    made = card(metrics=(loose,), calibration=off, learning_curve=curve)
    assert list(found(made))[:2] == ["gap_uncertain", "gap_uncalibrated"]
    assert found(made)["gap_rows"].message == "More rows would help"
    assert next(iter(found(card(proven=False)))) == "gap_unproven"


def test_columns_that_may_know_the_outcome_are_an_open_question():
    doubt = Finding(code="leakage_suspected", severity="warning", columns=("Tags",), message="m", action="a")
    gap = found(card(findings=(doubt,)))["gap_leak"]
    assert gap.columns == ("Tags",)


def test_a_date_that_could_order_the_rows_is_named():
    gap = found(card(column("x"), column("joined", SemanticType.DATE)))["gap_time"]
    assert gap.columns == ("joined",)
    assert "`time`" in gap.action


def test_the_gaps_are_in_the_scorecard_and_in_the_model_card():
    model = learn(customers(), "left")
    assert {"gap_key", "gap_costs"} <= {gap.code for gap in model.scorecard.gaps}
    assert "## What it still lacks" in model.model_card
