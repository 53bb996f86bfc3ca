"""What training gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tenantry.automl.held_out import Judged
from tenantry.bundle.insights import Insights, RecordSample
from tenantry.bundle.manifest import ParityReceipt
from tenantry.bundle.scorecard import Scorecard
from tenantry.schema import Signature

Progress = Callable[[str, float, str], None]
"""(stage, share done 0–1, detail); may raise ``Cancelled``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model and all that should travel with it.

    ``plan``: the compiled file; ``feature_plan``: what is done to each column, in words; ``reference``: bins and counts
    of features and scores, against which later data can be held; ``model_card``: Markdown; ``judged``: the training
    rows with predictions by models that had not seen them, for a comparison with another version; ``insights``: what it
    rests on and where it fails; ``similar``: records in which similar ones are found.
    """

    plan: bytes
    signature: Signature
    scorecard: Scorecard
    receipt: ParityReceipt
    feature_plan: tuple[str, ...]
    reference: dict[str, Any]
    model_card: str
    seed: int
    library_versions: dict[str, str]
    judged: Judged | None = None
    insights: Insights | None = None
    similar: RecordSample | None = None
