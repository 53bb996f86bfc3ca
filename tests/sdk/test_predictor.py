"""The estimator: fit, predict, explain, keep."""

import pickle
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from tests.sdk.tables import houses, plants, telco

import tenantry.sdk
from tenantry import Predictor
from tenantry.bundle.scorecard import Scorecard
from tenantry.errors import Corrupt, InvalidData, NotFound
from tenantry.schema import Task


def test_only_the_estimator_is_public():
    assert tenantry.sdk.__all__ == ["Predictor"]
    assert tenantry.Predictor is tenantry.sdk.Predictor


# --- learning -----------------------------------------------------------------------------------------------


def test_a_named_target_gives_the_task_the_classes_and_the_columns(churn):
    assert churn.task_ is Task.BINARY
    assert churn.classes_.tolist() == ["No", "Yes"]
    assert "Churn" not in churn.feature_names_in_
    assert churn.n_features_in_ == telco().shape[1] - 1
    assert churn.score(telco()) > 0.72


def test_x_and_y_learn_what_a_named_target_learns(churn):
    table = telco()
    other = Predictor(budget_cpu_seconds=5).fit(table.drop(columns="Churn"), table["Churn"])
    assert np.array_equal(other.predict_proba(table.drop(columns="Churn")), churn.predict_proba(table))
    assert other.scorecard().target == "Churn"


def test_numbers_as_classes_come_back_as_numbers(kinds):
    assert kinds.task_ is Task.MULTICLASS
    assert kinds.classes_.tolist() == [7, 8, 9]
    assert kinds.classes_.dtype == np.int64
    predicted = kinds.predict(plants())
    assert predicted.dtype == np.int64
    assert kinds.score(plants()) > 0.8
    shares = kinds.predict_proba(plants())
    assert shares.shape == (300, 3)
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert np.array_equal(kinds.classes_[shares.argmax(axis=1)], predicted)


@pytest.mark.parametrize("labels", [[True, False], [1.0, 0.0], [-1, 1], ["b", "a"]])
def test_labels_of_every_type_come_back_as_they_were(labels):
    table = plants(120)
    y = np.where(table.pop("kind") == 7, labels[0], labels[1])
    model = Predictor(task="classification", budget_cpu_seconds=1).fit(table, y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(table).tolist()) <= set(labels)
    assert model.score(table, y) > 0.8


def test_the_probability_of_the_positive_class_stands_in_its_column():
    table = plants(200)
    y = pd.Series(np.where(table.pop("kind") == 7, "b", "a"))
    for positive in ("a", "b"):
        model = Predictor(task="classification", positive_class=positive, budget_cpu_seconds=1).fit(table, y)
        shares = model.predict_proba(table)
        assert shares[(y == "b").to_numpy(), 1].mean() > 0.7
        out = model.predict_table(table)
        assert np.allclose(out["score"], out[f"probability_{positive}"])


def test_a_threshold_of_ones_own_overrides_the_one_from_training():
    table = plants(200)
    y = (table.pop("kind") == 7).to_numpy()
    model = Predictor(task="classification", positive_class=True, budget_cpu_seconds=1).fit(table, y)
    share = model.predict_proba(table)[:, 1]
    assert model.predict(table).tolist() == (share >= model.scorecard().threshold).tolist()
    model.set_params(threshold=0.9)
    assert model.predict(table).tolist() == (share >= 0.9).tolist()


def test_regression_gives_values_and_no_probabilities(price):
    assert price.task_ is Task.REGRESSION
    assert price.score(houses()) > 0.9
    assert not hasattr(price, "predict_proba")
    assert not hasattr(price, "classes_")
    assert list(price.predict_table(houses()).columns) == ["score"]
    assert is_regressor(price)


def test_the_same_seed_gives_the_same_model_and_another_seed_need_not(kinds):
    again = Predictor(target="kind", task="classification", budget_cpu_seconds=3).fit(plants())
    assert np.array_equal(again.predict_proba(plants()), kinds.predict_proba(plants()))


def test_the_estimator_says_what_it_is_before_it_is_fitted_if_it_was_told():
    assert is_classifier(Predictor(task="classification"))
    assert is_regressor(Predictor(task="regression"))
    assert not is_classifier(Predictor())
    assert not is_regressor(Predictor())


# --- the same kind out --------------------------------------------------------------------------------------


def test_predictions_come_in_the_kind_that_the_table_came_in(churn):
    table = telco(20).set_index(np.arange(100, 120))
    as_pandas = churn.predict(table)
    assert isinstance(as_pandas, pd.Series)
    assert as_pandas.name == "Churn"
    assert as_pandas.index.tolist() == list(range(100, 120))
    as_polars = churn.predict(pl.DataFrame(table))
    assert isinstance(as_polars, pl.Series)
    as_arrow = churn.predict(pa.Table.from_pandas(table, preserve_index=False))
    assert isinstance(as_arrow, pa.ChunkedArray)
    assert as_pandas.tolist() == as_polars.to_list() == as_arrow.to_pylist()


def test_the_table_of_predictions_holds_every_output(churn):
    out = churn.predict_table(telco(5), k=2)
    assert list(out.columns) == ["label", "score", "probability_No", "probability_Yes", "reasons"]
    assert np.allclose(out["probability_No"] + out["probability_Yes"], 1.0)
    assert np.allclose(out["score"], out["probability_Yes"])
    assert all(out["reasons"])
    assert isinstance(churn.predict_table(pl.DataFrame(telco(5))), pl.DataFrame)


def test_a_column_of_another_type_is_read_as_training_read_it(churn):
    table = telco(50)
    typed = table.copy()
    typed["tenure"] = typed["tenure"].astype(int)
    typed["MonthlyCharges"] = typed["MonthlyCharges"].astype(float)
    typed["gender"] = typed["gender"].astype("category")
    assert np.array_equal(churn.predict_proba(typed), churn.predict_proba(table))


def test_a_row_alone_scores_as_it_does_among_others(churn):
    table = telco(30)
    together = churn.predict_proba(table)
    alone = np.vstack([churn.predict_proba(table.iloc[[i]]) for i in range(30)])
    assert np.array_equal(alone, together)


# --- reasons and scorecard ----------------------------------------------------------------------------------


def test_reasons_are_in_words_and_as_many_as_asked_for(churn):
    rows = churn.explain(telco(4), k=2)
    assert len(rows) == 4
    for row in rows:
        assert len(row) == 2
        assert abs(row[0].contribution) >= abs(row[1].contribution)
        assert row[0].column in row[0].text


def test_a_table_is_held_against_the_training_table_before_it_is_scored(churn):
    table = telco(400)
    assert churn.check(table) == ()
    moved = churn.check(table.assign(tenure=table["tenure"] + "000"))
    assert [(f.code, f.columns) for f in moved] == [("distribution_changed", ("tenure",))]


def test_the_scorecard_is_data_and_reads_well(churn):
    card = churn.scorecard()
    assert isinstance(card, Scorecard)
    assert card.target == "Churn"
    assert card.verdict in repr(card)
    assert card.metrics[0].name in repr(card)
    assert "<table>" in card._repr_html_()


def test_the_scorecard_escapes_names_in_a_notebook():
    table = plants(100).rename(columns={"height": "<script>"})
    html = (
        Predictor(target="kind", task="classification", budget_cpu_seconds=1)
        .fit(table)
        .scorecard()
        ._repr_html_()
    )
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


# --- refusing -----------------------------------------------------------------------------------------------


def test_a_target_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="'churn'") as caught:
        Predictor(target="churn").fit(telco(60))
    assert isinstance(caught.value, InvalidData)
    assert caught.value.code == "target_missing"
    assert caught.value.hint


def test_too_few_rows_are_refused_and_the_floor_can_be_lowered():
    with pytest.raises(ValueError, match="rows") as caught:
        Predictor(target="kind").fit(plants(30))
    assert caught.value.code == "too_few_rows"
    model = Predictor(target="kind", task="classification", minimum_rows=20, budget_cpu_seconds=1).fit(
        plants(45)
    )
    assert len(model.classes_) == 3


def test_another_table_than_the_fitted_one_is_refused(churn):
    with pytest.raises(ValueError, match="now missing"):
        churn.predict(telco(5).drop(columns="tenure"))
    with pytest.raises(ValueError, match="unseen at fit time"):
        churn.predict(telco(5).assign(extra="1"))


def test_nothing_predicts_before_it_is_fitted():
    for call in ("predict", "predict_proba", "explain", "predict_table"):
        with pytest.raises(NotFittedError):
            getattr(Predictor(), call)(telco(3))
    with pytest.raises(NotFittedError):
        Predictor().scorecard()


def test_missing_outcomes_in_y_are_refused_and_in_a_named_column_are_skipped():
    table = plants(150)
    y = table["kind"].astype(float)
    y[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        Predictor(task="classification").fit(table.drop(columns="kind"), y)
    model = Predictor(target="kind", task="classification", budget_cpu_seconds=1).fit(table.assign(kind=y))
    assert model.classes_.tolist() == [7.0, 8.0, 9.0]


def test_a_column_that_a_parameter_names_must_exist():
    with pytest.raises(ValueError, match="'nobody'") as caught:
        Predictor(target="kind", key="nobody").fit(plants())
    assert caught.value.code == "column_missing"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [({"exclude": "place"}, "definition_invalid"), ({"budget_cpu_seconds": 0}, "definition_invalid")],
)
def test_a_parameter_that_nobody_means_is_refused(parameters, code):
    with pytest.raises(InvalidData) as raised:
        Predictor(target="price", **parameters).fit(houses())
    assert raised.value.code == code
    assert raised.value.hint


def test_what_a_definition_says_is_said_by_parameters(tmp_path):
    table = plants().assign(kind=lambda t: np.where(t["kind"] == 7, 1, 0))
    column = next(name for name in table.columns if name != "kind")
    model = Predictor(
        target="kind",
        costs={1: {0: 1.0}, 0: {1: np.float64(9)}},
        class_weights={np.int64(1): 2},
        metric="average_precision",
        types={column: "category"},
        protected=[column],
        budget_cpu_seconds=3,
    ).fit(table)
    roles = {c.name: (c.type, c.role) for c in model.scorecard().columns}
    assert roles[column] == ("category", "excluded")
    assert model.scorecard().fairness
    again = Predictor.load(model.save(tmp_path / "kinds.tenantry"))
    assert again.get_params()["class_weights"] == {"1": 2}
    assert again.get_params()["protected"] == (column,)
    cheap = Predictor(target="kind", costs={1: {0: 9.0}, 0: {1: 1.0}}, budget_cpu_seconds=3).fit(table)
    assert cheap.scorecard().threshold < model.scorecard().threshold


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"split": "time"}, "split: split: time needs the column in time"),
        ({"effort": "heroic"}, "effort: 'heroic' is none of"),
        ({"costs": {"false_positive": 1}}, "costs: needs false_negative"),
        ({"monotone": {"size": "up"}}, "monotone: 'up' is none of"),
    ],
)
def test_parameters_that_contradict_are_refused_by_name(parameters, told):
    with pytest.raises(ValueError, match=told) as caught:
        Predictor(target="price", **parameters).fit(houses())
    assert caught.value.code == "definition_invalid"


def test_a_path_or_a_mapping_is_no_table():
    for thing in ("houses.csv", {"size": [1.0]}):
        with pytest.raises(InvalidData) as raised:
            Predictor(target="price").fit(thing)
        assert raised.value.code == "table_kind"


def test_money_as_text_is_a_number_in_y_too():
    table = houses()
    money = [f"${price:,.2f}" for price in table["price"]]
    features = table.drop(columns="price")
    model = Predictor(task="regression", budget_cpu_seconds=2).fit(features, money)
    assert model.score(features, money) == pytest.approx(model.score(features, table["price"]), abs=1e-6)
    with pytest.raises(InvalidData, match="'dear', which is no number") as raised:
        model.fit(features, ["dear", *money[1:]])
    assert raised.value.code == "target_type"


def test_a_positive_class_that_does_not_occur_is_named():
    with pytest.raises(ValueError, match="'maybe'"):
        Predictor(target="Churn", positive_class="maybe").fit(telco(200))


def test_score_counts_the_rows_with_an_outcome_only(price, kinds):
    table = houses()
    table["price"] = [f"${value:,.2f}" for value in table["price"]]
    assert price.score(table) == pytest.approx(price.score(houses()))
    table.loc[5:, "price"] = None
    assert price.score(table) == pytest.approx(price.score(houses().head(5)))
    some = plants().astype({"kind": object})
    some.loc[100:, "kind"] = None
    assert kinds.score(some) == kinds.score(plants().head(100))
    with pytest.raises(ValueError, match="score needs y"):
        kinds.score(plants().drop(columns="kind"))


# --- keeping ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["churn", "price", "kinds"])
def test_a_saved_predictor_predicts_the_same(name, request, tmp_path):
    model = request.getfixturevalue(name)
    table = {"churn": telco, "price": houses, "kinds": plants}[name](20)
    loaded = Predictor.load(model.save(tmp_path / "model.tenantry"))
    assert loaded.predict(table).equals(model.predict(table))
    assert loaded.predict_table(table, k=1).equals(model.predict_table(table, k=1))
    assert loaded.get_params() == model.get_params()
    assert loaded.scorecard() == model.scorecard()
    assert loaded.feature_names_in_.tolist() == model.feature_names_in_.tolist()


def test_nothing_of_the_training_rows_is_kept(price, tmp_path):
    for data in (pickle.dumps(price), b"".join(_parts(price.save(tmp_path / "m")).values())):
        assert repr(houses()["price"][17]).encode() not in data
        assert np.float64(houses()["price"][17]).tobytes() not in data


def _parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_saving_twice_writes_the_same_bytes(kinds, tmp_path):
    first, second = kinds.save(tmp_path / "a"), kinds.save(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_changed_file_is_refused(kinds, tmp_path):
    path = kinds.save(tmp_path / "model")
    parts = _parts(path)
    parts["model_card.md"] += b"!"
    with zipfile.ZipFile(tmp_path / "changed", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-100])
    (tmp_path / "text").write_text("hello")
    for name in ("changed", "cut", "text"):
        with pytest.raises(Corrupt) as caught:
            Predictor.load(tmp_path / name)
        assert caught.value.code == "predictor_corrupt"
    with pytest.raises(NotFound):
        Predictor.load(tmp_path / "absent")


def test_a_fitted_predictor_can_be_pickled_and_cloned(churn):
    copy = pickle.loads(pickle.dumps(churn))  # noqa: S301 - our own bytes
    assert copy.predict(telco(5)).equals(churn.predict(telco(5)))
    fresh = clone(churn)
    assert fresh.get_params() == churn.get_params()
    assert not hasattr(fresh, "task_")


# --- with scikit-learn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda x: x, pl.DataFrame, lambda x: x.to_numpy()])
def test_cross_validation_scores_probabilities(make):
    table = plants(160)
    y = (table.pop("kind") == 7).astype(int).to_numpy()
    model = make_pipeline(Predictor(task="classification", minimum_rows=20, budget_cpu_seconds=1))
    scores = cross_val_score(model, make(table), y, cv=2, scoring="roc_auc")
    assert scores.min() > 0.85
