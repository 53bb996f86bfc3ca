"""A boolean column takes its words in any spelling, and JSON's true and false."""

import random

import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.typing import boolean_spellings, type_table
from tenantry.plan import Plan
from tenantry.schema import SemanticType
from tenantry.tenancy import tenant_id


def test_other_spellings_stand_for_the_columns_own_words() -> None:
    found = boolean_spellings(("YES", "NO"))
    assert {found[word] for word in ("yes", "Yes", "true", "TRUE", "y", "1")} == {"YES"}
    assert {found[word] for word in ("no", "No", "false", "False", "n", "0")} == {"NO"}
    assert "YES" not in found


@pytest.mark.parametrize("words", [("yes", "true"), ("red", "blue"), ("yes", "maybe"), ()])
def test_words_that_are_no_pair_have_no_other_spellings(words: tuple[str, ...]) -> None:
    assert boolean_spellings(words) == {}


@pytest.mark.parametrize("words", [("JA", "NEIN"), ("oui", "non"), ("T", "F")])
def test_pairs_of_other_languages_are_booleans(words: tuple[str, str]) -> None:
    (column,) = type_table(pa.table({"x": list(words) * 40}), ["x"])
    assert column.type is SemanticType.BOOLEAN


def test_a_plan_scores_every_spelling_alike() -> None:
    chance = random.Random(3)
    active = [chance.choice(["YES", "NO"]) for _ in range(400)]
    left = ["1" if (word == "YES") == (chance.random() < 0.9) else "0" for word in active]
    table = pa.table({"active": active, "noise": [str(chance.random()) for _ in active], "left": left})
    definition = PredictionDefinition(name="x", target="left")
    trained = train(tenant_id("acme"), table, definition, budget_cpu_seconds=5.0)
    plan = Plan.from_bytes(trained.plan)
    yes, no = plan.score({"active": "YES"}), plan.score({"active": "NO"})
    assert yes != no
    assert [plan.score({"active": value}) for value in ("yes", "Yes", True, "true", 1)] == [yes] * 5
    assert [plan.score({"active": value}) for value in ("no", "No", False, "false", 0)] == [no] * 5
    plan.close()
