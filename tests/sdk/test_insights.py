import pytest
from tests.sdk.tables import telco

from tenantry import Predictor
from tenantry.errors import NotFound
from tenantry.insights import Goal


def test_a_fitted_predictor_tells_its_insights_and_keeps_them_in_its_file(churn, tmp_path):
    rows = telco(3)
    loaded = Predictor.load(churn.save(tmp_path / "model.tenantry"))
    assert loaded.insights() == churn.insights()
    assert churn.insights().dependence
    assert loaded.similar(rows, k=4) == churn.similar(rows, k=4)
    assert [len(found.neighbours) for found in churn.similar(rows, k=4)] == [4, 4, 4]


def test_changed_rows_score_as_they_would_in_a_table(churn):
    rows = telco(5)
    changed = churn.predict_proba(rows.assign(Contract="Two year"))[:, 1]
    found = churn.what_if(rows, {"Contract": "Two year"})
    assert [one.after.probabilities["Yes"] for one in found] == pytest.approx(list(changed))
    flips = churn.find_flips(rows, Goal(by=-0.01), fixed=["tenure"])
    assert all(c.column != "tenure" for one in flips for flip in one.found for c in flip.changes)


def test_a_predictor_of_an_earlier_release_says_that_it_has_none(churn, tmp_path):
    old = Predictor.load(churn.save(tmp_path / "old.tenantry"))
    for part in ("insights.json", "similar.json.z"):
        del old._learnt.parts[part]
    older = Predictor.load(old.save(tmp_path / "older.tenantry"))
    assert older.what_if(telco(1), {"tenure": 3})
    with pytest.raises(NotFound) as missing:
        older.insights()
    assert missing.value.code == "insights_missing"
    with pytest.raises(NotFound) as unkept:
        older.similar(telco(1))
    assert unkept.value.code == "similar_missing"
