import msgspec
import pytest

from tenantry.bundle import ChampionComparison, DataSource, Manifest, Metric, ParityReceipt
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.workflows import decide


def _manifest(
    *metrics: Metric, task: Task = Task.BINARY, target: str = "y", classes: tuple[str, ...] = ("0", "1")
) -> Manifest:
    signature = Signature(
        task=task, inputs=(Column(name="x", type=SemanticType.NUMBER),), classes=classes, positive_class="1"
    )
    receipt = ParityReceipt(
        plan_sha256="0" * 64, rows=1, hostile_rows=0, kernel_twin=0, plan_pipeline=0, tolerance=1e-6
    )
    return Manifest(
        prediction="p",
        created=0.0,
        task=task,
        signature=signature,
        metrics=metrics,
        feature_plan=(),
        data=DataSource(snapshot="0" * 64, rows=1),
        seed=0,
        budget_cpu_seconds=1.0,
        library_versions={},
        receipt=receipt,
        definition={"name": "p", "target": target},
    )


def _metric(value: float, width: float = 0.04, *, name: str = "auroc", up: bool = True) -> Metric:
    return Metric(
        name=name,
        value=value,
        low=value - width / 2,
        high=value + width / 2,
        guessing=0.5,
        higher_is_better=up,
    )


def _compared(gain: float, *, error: float = 0.002, margin: float = 0.003, known: int = 0) -> Manifest:
    found = ChampionComparison(
        bundle="b" * 64,
        metric="auroc",
        new=0.8 + gain,
        champion=0.8,
        gain=gain,
        gain_low=gain - 2 * error,
        gain_high=gain + 2 * error,
        error=error,
        margin=margin,
        rows=1200,
        known=known,
    )
    return msgspec.structs.replace(_manifest(_metric(0.5)), comparison=found)


@pytest.mark.parametrize(
    ("gain", "error", "promote"),
    [(0.01, 0.002, True), (-0.003, 0.002, True), (-0.004, 0.002, False), (-0.004, 0.003, True)],
)
def test_on_the_same_rows_the_paired_difference_decides(gain: float, error: float, promote: bool) -> None:  # noqa: FBT001
    decision = decide(_compared(gain, error=error), _manifest(_metric(0.9)), "b" * 64)
    assert decision.promote is promote
    assert (decision.rows, decision.gain) == (1200, gain)


def test_the_reason_says_on_which_rows_and_how_sure() -> None:
    decision = decide(_compared(-0.001, known=1000), _manifest(_metric(0.9)), "b" * 64)
    assert decision.reason == (
        "on the same 1,200 rows, 1,000 of which the champion had in training, auroc is 0.799, the champion's is 0.8: "
        "worse, but within noise (0.0033) (difference -0.001, 95 %: -0.005 to +0.003)"
    )


def test_a_comparison_with_another_champion_does_not_count() -> None:
    decision = decide(_compared(0.01), _manifest(_metric(0.9)), "c" * 64)
    assert not decision.promote
    assert decision.rows is None


def test_the_definitions_metric_comes_first() -> None:
    loss = _metric(0.4, name="log_loss", up=False)
    new = msgspec.structs.replace(
        _manifest(_metric(0.1), loss), definition={"name": "p", "target": "y", "metric": "log_loss"}
    )
    assert decide(new, _manifest(_metric(0.9), loss)).metric == "log_loss"


def test_the_first_version_is_champion() -> None:
    assert decide(_manifest(_metric(0.6)), None).promote


@pytest.mark.parametrize(
    ("new", "promote"), [(0.9, True), (0.80, True), (0.79, True), (0.77, False), (0.5, False)]
)
def test_a_later_version_must_not_be_worse_beyond_noise(new: float, promote: bool) -> None:  # noqa: FBT001
    decision = decide(_manifest(_metric(new)), _manifest(_metric(0.80)))
    assert decision.promote is promote
    assert decision.metric == "auroc"
    assert "auroc" in decision.reason


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (0.9, "auroc is 0.9, the champion's is 0.8: no worse"),
        (0.79, "auroc is 0.79, the champion's is 0.8: worse, but within noise (0.024)"),
        (0.7, "auroc is 0.7, the champion's is 0.8: worse beyond noise (0.024)"),
        (float("nan"), "auroc is nan, the champion's is 0.8: they cannot be compared"),
    ],
)
def test_the_reason_is_in_words(new: float, words: str) -> None:
    assert decide(_manifest(_metric(new)), _manifest(_metric(0.80))).reason == words


def test_a_metric_that_should_be_low_is_compared_the_other_way_round() -> None:
    champion = _manifest(_metric(10.0, 1.0, name="rmse", up=False))
    assert decide(_manifest(_metric(9.0, 1.0, name="rmse", up=False)), champion).promote
    assert not decide(_manifest(_metric(12.0, 1.0, name="rmse", up=False)), champion).promote


def test_the_first_metric_that_both_have_decides() -> None:
    new = _manifest(_metric(0.1, name="new metric"), _metric(0.9))
    assert decide(new, _manifest(_metric(0.8))).metric == "auroc"


@pytest.mark.parametrize(
    "changes", [{"task": Task.REGRESSION}, {"target": "z"}, {"classes": ("0", "1", "2")}]
)
def test_a_version_that_predicts_something_else_waits(changes: dict[str, object]) -> None:
    decision = decide(_manifest(_metric(0.99), **changes), _manifest(_metric(0.6)))  # type: ignore[arg-type]
    assert not decision.promote
    assert "does not predict what the champion predicts" in decision.reason


def test_without_a_common_metric_or_with_a_nan_nothing_is_promoted() -> None:
    assert not decide(_manifest(_metric(0.9, name="a")), _manifest(_metric(0.6, name="b"))).promote
    assert not decide(_manifest(_metric(float("nan"))), _manifest(_metric(0.6))).promote
