from pathlib import Path

import msgspec

from tenantry.bundle import Scorecard

PAST = Path(__file__).parent / "past"


def test_a_scorecard_of_the_first_release_is_read() -> None:
    card = msgspec.json.decode((PAST / "scorecard-1.json").read_bytes(), type=Scorecard)
    assert card.metrics[0].name == "auroc"
    assert card.metrics[0].gain is None
    assert card.proven
    assert (card.calibration, card.value_interval, card.learning_curve, card.gaps) == (None, None, None, ())
    assert msgspec.json.decode(msgspec.json.encode(card), type=Scorecard) == card
