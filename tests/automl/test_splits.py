import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import codes, customers, houses, learn

from tenantry.apps import PredictionDefinition
from tenantry.automl.prepare import prepare
from tenantry.automl.splits import choose_split
from tenantry.errors import InvalidRequest


def split_of(table, target="left", seed=0, **fields):
    definition = PredictionDefinition(name="p", target=target, **fields)
    return choose_split(prepare(table, definition, 20.0, 0), definition, seed)


def visits(patients=120, each=5, *, same_outcome=True, seed=0):
    """Several rows a patient: ward, sex and birth year belong to the patient; pulse and note to the visit."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(patients), each)
    rows = len(who)
    ill = (rng.random(patients) < 0.4)[who] if same_outcome else rng.random(rows) < 0.4
    return pa.table(
        {
            "patient": [f"P{700 + w}" for w in who],
            "ward": [f"ward {w}" for w in rng.integers(0, 9, patients)[who]],
            "sex": [("f", "m")[s] for s in rng.integers(0, 2, patients)[who]],
            "born": rng.integers(1930, 2000, patients)[who],
            "pulse": rng.normal(70, 9, rows).round(1),
            "ill": ["yes" if y else "no" for y in ill],
        }
    )


def log(rows=900, *, drifting=True, in_order=True, seed=0):
    """A log of orders over three years, whose outcome drifts."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 1095, rows)) if in_order else rng.integers(0, 1095, rows)
    share = 0.2 + 0.5 * day / 1095 if drifting else np.full(rows, 0.4)
    dates = np.datetime64("2021-01-01") + day.astype("timedelta64[D]")
    return pa.table(
        {
            "ordered": [str(d) for d in dates],
            "amount": rng.normal(30, 8, rows).round(2),
            "shop": [f"s{k}" for k in rng.integers(0, 6, rows)],
            "returned": ["yes" if u < s else "no" for u, s in zip(rng.random(rows), share, strict=True)],
        }
    )


def parts(split, rows):
    """Every row is judged once, or never and only trains."""
    judged = np.concatenate([split.test_rows(f) for f in range(split.count)])
    assert len(np.unique(judged)) == len(judged)
    assert sorted([*judged, *np.flatnonzero(split.folds < 0)]) == list(range(rows))
    for fold in range(split.count):
        assert not set(split.train_rows(fold)) & set(split.test_rows(fold))


def test_rows_without_group_or_order_are_split_at_random():
    split = split_of(customers(600))
    assert (split.kind, split.count, split.findings) == ("random", 5, ())
    assert len(split.train_rows(2)) + len(split.test_rows(2)) == 600
    parts(split, 600)


def test_random_folds_keep_copies_together_and_classes_even():
    table = pa.concat_tables([customers(300), customers(300)])
    split = split_of(table)
    assert (split.folds[:300] == split.folds[300:]).all()
    assert split_of(houses(200), target="price").count == 5


def test_patients_whose_visits_share_the_outcome_are_kept_together():
    table = visits()
    split = split_of(table, target="ill")
    assert (split.kind, split.column) == ("group", "patient")
    (finding,) = split.findings
    assert finding.code == "split_by_group"
    assert finding.evidence["names"] == 120
    who = np.array(table["patient"].to_pylist())
    assert all(len(set(split.folds[who == name])) == 1 for name in set(who))
    parts(split, 600)


def test_patients_whose_outcome_varies_are_only_told():
    split = split_of(visits(same_outcome=False), target="ill")
    assert split.kind == "random"
    assert [f.code for f in split.findings] == ["repeated_entity"]
    assert {"ward", "sex"} <= set(split.findings[0].evidence["belonging"])


def test_a_number_that_names_things_counts_where_its_rows_stand_together():
    table = visits()
    numbered = table.set_column(0, "nr", pa.array([str(int(p[1:])) for p in table["patient"].to_pylist()]))
    assert split_of(numbered, target="ill").column == "nr"
    mixed = numbered.take(np.random.default_rng(0).permutation(600)).rename_columns(
        ["level", *numbered.column_names[1:]]
    )
    assert split_of(mixed, target="ill").kind == "random"


def test_the_definition_overrules_what_the_rows_show():
    assert split_of(visits(), target="ill", split="random").findings == ()
    assert split_of(visits(), target="ill", split="random").kind == "random"
    assert split_of(log(), target="returned", split="random").kind == "random"


def test_a_named_group_is_never_parted_and_its_folds_are_even():
    table = visits(patients=40, each=15, same_outcome=False)
    split = split_of(table, target="ill", group="ward")
    assert (split.kind, split.column) == ("group", "ward")
    wards = np.array(table["ward"].to_pylist())
    assert all(len(set(split.folds[wards == name])) == 1 for name in set(wards))
    assert split.count == 5
    even = split_of(table, target="ill", group="patient")
    ill = np.array([v == "yes" for v in table["ill"].to_pylist()])
    sizes, hits = np.bincount(even.folds), np.bincount(even.folds, ill)
    assert sizes.max() - sizes.min() <= 15
    assert np.ptp(hits / sizes) < 0.1


def test_a_group_joins_copies_only_through_its_own_rows():
    table = visits(same_outcome=False)
    holes = table.set_column(
        0,
        "patient",
        pa.array([None if i % 7 == 0 else v for i, v in enumerate(table["patient"].to_pylist())]),
    )
    split = split_of(holes, target="ill", group="patient")
    parts(split, 600)
    lone = split.folds[::7]
    assert len(set(lone)) == 5  # rows without a name are groups of their own


def test_a_log_whose_outcome_drifts_is_judged_forwards():
    table = log()
    split = split_of(table, target="returned")
    assert (split.kind, split.column, split.count) == ("time", "ordered", 5)
    assert [f.code for f in split.findings] == ["split_by_time"]
    days = np.array(table["ordered"].to_pylist(), dtype="datetime64[D]")
    for fold in range(5):
        assert days[split.train_rows(fold)].max() < days[split.test_rows(fold)].min()
    assert abs((split.folds == -1).sum() - 150) < 20
    parts(split, 900)


def test_a_log_without_drift_is_split_at_random_and_drift_without_order_is_told():
    steady = split_of(log(drifting=False), target="returned")
    assert (steady.kind, steady.findings) == ("random", ())
    mixed = split_of(log(in_order=False), target="returned")
    assert mixed.kind == "random"
    assert [f.code for f in mixed.findings] == ["outcome_moves_with_time"]


def test_a_named_time_may_be_a_number_and_rows_without_it_only_train():
    table = log(drifting=False)
    month = [None if i % 10 == 0 else str(i // 20) for i in range(900)]
    split = split_of(table.append_column("month", pa.array(month)), target="returned", time="month")
    assert (split.kind, split.column) == ("time", "month")
    assert (split.folds[::10] == -1).all()
    months = np.array([-1 if m is None else int(m) for m in month])
    for fold in range(split.count):
        assert months[split.train_rows(fold)].max() < months[split.test_rows(fold)].min()


def test_the_first_block_reaches_on_until_it_holds_every_class():
    table = log(drifting=False)
    late = ["no" if i < 400 else v for i, v in enumerate(table["returned"].to_pylist())]
    split = split_of(table.set_column(3, "returned", pa.array(late)), target="returned", time="ordered")
    assert "yes" in {late[i] for i in split.train_rows(0)}
    assert split.count < 5


@pytest.mark.parametrize("fields", [{"time": "shop"}, {"group": "returned twin"}])
def test_a_column_that_cannot_part_the_rows_is_refused(fields):
    table = log()
    table = table.append_column("returned twin", table["returned"])
    with pytest.raises(InvalidRequest) as caught:
        split_of(table, target="returned", **fields)
    assert caught.value.code == "split_impossible"


def test_the_seed_decides_the_folds():
    table = visits(same_outcome=False)
    one, same, other = (split_of(table, target="ill", group="patient", seed=s).folds for s in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_a_model_judged_by_time_is_scored_on_later_rows_only():
    model = learn(log(600), "returned", budget=6.0, time="ordered")
    assert model.scorecard.members["split"] == {"kind": "time", "column": "ordered", "folds": 5}
    assert {m.name for m in model.scorecard.metrics} >= {"auroc", "log_loss"}
    assert 0.4 <= sum(model.reference["score"]["counts"]) / 600 <= 0.9


def test_what_decided_the_split_is_among_the_findings():
    model = learn(visits(), "ill", budget=6.0)
    assert model.scorecard.members["split"]["kind"] == "group"
    assert "split_by_group" in codes(model)
    area = next(m for m in model.scorecard.metrics if m.name == "auroc")
    assert (
        area.low <= 0.6
    )  # nothing but the patient tells the outcome, and each is judged by a model without them
