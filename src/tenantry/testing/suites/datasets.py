"""What every store of snapshots and of definitions must do."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from tenantry.apps import Filter, PredictionDefinition
from tenantry.errors import InvalidRequest
from tenantry.schema import Task
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal

TABLE = pa.table({"plan": ["gold", None, "gold"], "seats": pa.array([1, 2, None], pa.int32())})
OTHER = pa.table({"plan": ["silver"]})


class DatasetsSuite(StateSuite):
    """Runs over ``state.datasets``."""

    def test_gives_back_the_table_of_every_arrow_type(self, state: State) -> None:
        table = pa.table(
            {
                "text": ["007", None, "ünï\x00 ''"],
                "integer": pa.array([1, None, -(2**62)], pa.int64()),
                "float": [1.5, float("inf"), None],
                "flag": [True, None, False],
                "day": [dt.date(2024, 2, 29), None, dt.date(1, 1, 1)],
                "time": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
                "money": [Decimal("10.10"), None, Decimal("-0.01")],
                "list": [[1, 2], None, []],
                "word": pa.array(["a", "b", None]).dictionary_encode(),
                "empty": pa.nulls(3),
            }
        )
        snapshot = state.datasets.save(ACME, "customers", table, "customers.parquet")
        assert state.datasets.load(ACME, snapshot.digest).equals(table)

    def test_describes_what_was_saved(self, state: State, clock: HeldClock) -> None:
        snapshot = state.datasets.save(ACME, "customers", TABLE, "customers.csv")
        assert (snapshot.tenant, snapshot.name, snapshot.rows) == (ACME, "customers", 3)
        assert [(column.name, column.type) for column in snapshot.columns] == [
            ("plan", "string"),
            ("seats", "int32"),
        ]
        assert (snapshot.source, snapshot.created) == ("customers.csv", clock.now())
        assert state.datasets.snapshot(ACME, snapshot.digest) == snapshot
        assert state.blobs.has(ACME, snapshot.data_digest)

    def test_profiles_every_column(self, state: State) -> None:
        snapshot = state.datasets.save(ACME, "customers", TABLE, "f")
        plan, seats = state.datasets.profile(ACME, snapshot.digest)
        assert (plan.name, plan.distinct, plan.examples) == ("plan", 1, ("gold",))
        assert plan.missing == pytest.approx(1 / 3)
        assert (seats.distinct, seats.examples) == (2, ("1", "2"))

    def test_the_same_table_is_the_same_snapshot_whenever_and_wherever_it_came_from(
        self, state: State, clock: HeldClock
    ) -> None:
        first = state.datasets.save(ACME, "customers", TABLE, "monday.csv")
        clock.advance(86_400)
        assert state.datasets.save(ACME, "customers", TABLE, "tuesday.csv") == first
        assert state.datasets.snapshots(ACME) == [first]

    def test_latest_is_what_was_saved_last_even_if_seen_before(self, state: State) -> None:
        first = state.datasets.save(ACME, "customers", TABLE, "f")
        second = state.datasets.save(ACME, "customers", OTHER, "f")
        assert state.datasets.latest(ACME, "customers") == second
        state.datasets.save(ACME, "customers", TABLE, "f")
        assert state.datasets.latest(ACME, "customers") == first
        assert state.datasets.snapshots(ACME, "customers") == [first, second]

    def test_names_are_apart(self, state: State) -> None:
        customers = state.datasets.save(ACME, "customers", TABLE, "f")
        orders = state.datasets.save(ACME, "orders", TABLE, "f")
        assert customers.digest != orders.digest
        assert customers.data_digest == orders.data_digest
        assert state.datasets.snapshots(ACME, "orders") == [orders]
        assert state.datasets.snapshots(ACME) == [orders, customers]

    def test_another_tenants_data_is_as_what_does_not_exist(self, state: State) -> None:
        snapshot = state.datasets.save(ACME, "customers", TABLE, "f")
        for call in (state.datasets.snapshot, state.datasets.load, state.datasets.profile):
            assert refusal(call, GLOBEX, snapshot.digest) == refusal(call, NOBODY, snapshot.digest)
        assert refusal(state.datasets.latest, GLOBEX, "customers") == refusal(
            state.datasets.latest, NOBODY, "customers"
        )
        assert state.datasets.snapshots(GLOBEX) == []

    def test_two_tenants_may_hold_the_same_table(self, state: State) -> None:
        mine = state.datasets.save(ACME, "customers", TABLE, "f")
        theirs = state.datasets.save(GLOBEX, "customers", TABLE, "f")
        assert (mine.digest, mine.tenant, theirs.tenant) == (theirs.digest, ACME, GLOBEX)

    def test_keeps_a_table_without_rows(self, state: State) -> None:
        snapshot = state.datasets.save(ACME, "customers", TABLE.slice(0, 0), "f")
        assert state.datasets.load(ACME, snapshot.digest).num_rows == 0
        assert [column.missing for column in state.datasets.profile(ACME, snapshot.digest)] == [0.0, 0.0]

    def test_refuses_nobodys_data_and_bad_names(self, state: State) -> None:
        refusal(state.datasets.save, NOBODY, "customers", TABLE, "f")
        with pytest.raises(InvalidRequest):
            state.datasets.save(ACME, "a/b", TABLE, "f")


CHURN = PredictionDefinition(
    name="churn",
    target="churned",
    task=Task.BINARY,
    positive_class="yes",
    segment=(Filter(column="country", op="in", value=["CH", "DE"]),),
    examples=(Filter(column="churned", op="is not null"),),
    exclude=("note",),
    key="id",
    budget_cpu_seconds=5.0,
    seed=3,
)


class DefinitionsSuite(StateSuite):
    """Runs over ``state.definitions``."""

    def test_gives_back_what_was_saved(self, state: State) -> None:
        assert state.definitions.save(ACME, CHURN) == CHURN
        assert state.definitions.get(ACME, "churn") == CHURN

    def test_saving_again_replaces(self, state: State) -> None:
        state.definitions.save(ACME, CHURN)
        changed = PredictionDefinition(name="churn", target="left")
        state.definitions.save(ACME, changed)
        assert state.definitions.list(ACME) == [changed]

    def test_lists_by_name(self, state: State) -> None:
        for name in ("b", "a", "c"):
            state.definitions.save(ACME, PredictionDefinition(name=name, target="y"))
        assert [found.name for found in state.definitions.list(ACME)] == ["a", "b", "c"]

    def test_forgets_what_was_deleted(self, state: State) -> None:
        state.definitions.save(ACME, CHURN)
        state.definitions.delete(ACME, "churn")
        refusal(state.definitions.get, ACME, "churn")
        refusal(state.definitions.delete, ACME, "churn")

    def test_another_tenants_definition_is_as_one_that_does_not_exist(self, state: State) -> None:
        state.definitions.save(ACME, CHURN)
        for call in (state.definitions.get, state.definitions.delete):
            assert refusal(call, GLOBEX, "churn") == refusal(call, NOBODY, "churn")
        assert state.definitions.list(GLOBEX) == []
        assert state.definitions.get(ACME, "churn") == CHURN

    def test_refuses_nobodys_definition_and_bad_names(self, state: State) -> None:
        refusal(state.definitions.save, NOBODY, CHURN)
        with pytest.raises(InvalidRequest):
            state.definitions.save(ACME, PredictionDefinition(name="a b", target="y"))
