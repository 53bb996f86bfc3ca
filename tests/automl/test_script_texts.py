"""Texts beyond ASCII: typed, learnt from, and scored."""

import numpy as np
import pyarrow as pa
import pytest
from tests.plan.test_scripts import TEXTS

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.encoders import TextEncoder
from tenantry.automl.typing import distinct_values, type_column
from tenantry.errors import Unsupported
from tenantry.plan import Plan
from tenantry.plan.compile import compile_plan
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import TextColumn
from tenantry.plan.onnx_export import write_graph
from tenantry.plan.twin import Twin
from tenantry.schema import SemanticType
from tenantry.tenancy import TenantId

PARTS = {
    "ja": (
        ["店員は", "部屋が", "料理は", "場所が", "駅から"],
        ["親切でした", "綺麗だった", "素晴らしい"],
        ["最悪でした", "汚かった", "残念です"],
    ),
    "th": (["อาหาร", "ห้องพัก", "พนักงาน", "ราคา"], ["อร่อยมาก", "สะอาดดี"], ["แย่มาก", "สกปรก"]),
    "ru": (["Номер ", "Завтрак ", "Персонал ", "Вид "], ["отличный", "прекрасный"], ["ужасный", "грязный"]),
}  # fmt: skip


def reviews(language: str, rows: int = 400) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    about, good, bad = PARTS[language]
    glad = rng.random(rows) < 0.5
    texts = []
    for i in range(rows):
        words = [f"{rng.choice(about)}{rng.choice(good if glad[i] else bad)}" for _ in range(3)]
        text = ("。" if language == "ja" else " ").join(words) + f" {i}"
        texts.append(text.upper() if i % 2 else text)
    return texts, glad


@pytest.fixture(scope="module", params=list(PARTS))
def trained(request):
    texts, glad = reviews(request.param)
    table = pa.table({"review": texts, "stars": np.where(glad, "high", "low")})
    definition = PredictionDefinition(name="s", target="stars")
    return request.param, train(TenantId("acme"), table, definition, budget_cpu_seconds=3)


def test_a_model_learns_from_words_in_any_script(trained):
    language, model = trained
    assert model.receipt.plan_pipeline < 1e-6
    (column,) = [c for c in spec_of(model.plan).columns if isinstance(c, TextColumn)]
    assert column.scripts
    about, good, bad = PARTS[language]
    plan = Plan(model.plan)
    high = plan.meta.signature.positive_class == "high"
    for words, is_good in ((good, True), (bad, False)):
        text = "！ ".join(
            f"{about[i]}{words[i % len(words)]}" for i in range(3)
        )  # parted as no training text is
        for way in (text, text.upper()):
            assert (plan.score({"review": way})[0] > 0.5) is (is_good is high), way


def test_the_twin_reads_the_file_as_the_kernel_does(trained):
    language, model = trained
    texts = [*reviews(language, 40)[0], *(text for text, _ in TEXTS), None, "  ", "猫" * 200]
    records = [{"review": text} for text in texts]
    plan, twin = Plan(model.plan), Twin(model.plan)
    assert np.allclose([plan.margins(r) for r in records], twin.margins_rows(records), rtol=0, atol=1e-12)
    again = compile_plan(spec_of(model.plan))
    assert [Plan(again).margins(r) for r in records] == [plan.margins(r) for r in records]


def test_onnx_refuses_words_of_any_script(trained):
    _, model = trained
    with pytest.raises(Unsupported, match="words of any script"):
        write_graph(spec_of(model.plan))


def test_reviews_without_spaces_are_text_and_no_identifiers():
    texts = [text.rpartition(" ")[0] for text in reviews("ja")[0]]
    column = type_column("review", distinct_values(pa.array([f"{t}{i}" for i, t in enumerate(texts)])))
    assert column.type is SemanticType.TEXT
    cities = type_column("city", distinct_values(pa.array(["東京", "大阪", "京都", "奈良"] * 30)))
    assert cities.type is SemanticType.CATEGORY


@pytest.mark.parametrize(
    ("text", "scripts"), [("late again today", False), ("spät Öl gut", True), ("naïve text", False)]
)
def test_a_column_is_read_by_the_new_rules_only_where_they_change_a_token(text, scripts):
    column = type_column("note", distinct_values(pa.array([f"{text} {i}" for i in range(60)])))
    assert TextEncoder.of(0, column).scripts is scripts
