import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import customers, houses, learn, tickets

from tenantry.evaluation import conformal


def metrics(model):
    return {metric.name: metric for metric in model.scorecard.metrics}


def shuffled(table, target, seed=0):
    """The same table, with outcomes that no column knows."""
    order = np.random.default_rng(seed).permutation(table.num_rows)
    return table.set_column(table.column_names.index(target), target, table[target].take(order))


def test_a_model_says_whether_its_probabilities_can_be_taken_at_their_word():
    report = learn(customers(), "left").scorecard.calibration
    assert report.calibrated
    assert report.error <= max(0.03, report.chance)
    assert "taken at their word" in report.words
    assert learn(tickets(), "team").scorecard.calibration.rows == 496  # the four of a rare class are left out


def test_values_come_with_an_interval_that_holds_rows_which_were_not_in_training():
    model = learn(houses(900), "price")
    interval = model.scorecard.value_interval
    assert model.scorecard.calibration is None
    assert interval.coverage_low <= interval.level <= interval.coverage_high
    bands = conformal.Bands(*(np.array(v) for v in (interval.edges, interval.low, interval.high)))
    assert len(bands.low) == len(bands.edges) + 1
    low, high = bands.interval(np.array([1e5, 1e6]))
    assert (low < high).all()


def test_what_can_be_learnt_is_proven_and_noise_is_not():
    assert learn(customers(), "left").scorecard.proven
    card = learn(shuffled(customers(200), "left"), "left").scorecard
    assert not card.proven
    assert "do not rely on it" in card.verdict
    assert not learn(shuffled(houses(200), "price"), "price").scorecard.proven


def test_the_gain_on_guessing_is_in_the_scorecard_and_the_model_card():
    model = learn(customers(), "left")
    area = metrics(model)["auroc"]
    assert area.gain == pytest.approx(area.value - 0.5)
    assert metrics(model)["log_loss"].gain_low > 0
    assert metrics(model)["recall"].gain is None
    assert "gain on guessing" in model.model_card


def test_costs_decide_the_threshold():
    dear = learn(customers(), "left", costs={"false_positive": 1.0, "false_negative": 9.0})
    assert dear.scorecard.threshold == pytest.approx(0.1)
    cheap = learn(customers(), "left", costs={"false_positive": 9.0, "false_negative": 1.0})
    assert cheap.scorecard.threshold == pytest.approx(0.9)
    assert dear.signature.threshold == dear.scorecard.threshold


def test_rows_of_one_entity_make_wider_intervals():
    one = customers(150)
    four = pa.concat_tables([one] * 4)  # four rows of every customer, who are told by their id
    noise = [str(v) for v in np.random.default_rng(0).normal(size=600).round(3)]
    four = four.append_column("reading", pa.array(noise))
    apart = learn(four, "left", split="group", group="customer_id", exclude=("since",)).scorecard
    assert apart.rows == 600
    alone = learn(one, "left", exclude=("since",)).scorecard
    wide = alone.metrics[0].high - alone.metrics[0].low
    assert (
        apart.metrics[0].high - apart.metrics[0].low > 0.75 * wide
    )  # not half of it, as 600 rows would have
