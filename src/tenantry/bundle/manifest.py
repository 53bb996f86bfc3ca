"""The manifest: everything about a trained model that is not the model, and the digest of every file beside
it (B1).
"""

import msgspec

from tenantry.bundle.scorecard import Metric
from tenantry.schema import Signature, Task

FORMAT_VERSION = 1
PLAN = "plan.tnp"
SCORECARD = "scorecard.json"
MODEL_CARD = "model_card.md"
REFERENCE = "reference.json"
INSIGHTS = "insights.json"
SIMILAR = "similar.json.z"
FILES = (PLAN, SCORECARD, MODEL_CARD, REFERENCE)
"""The files that every bundle has, beside its manifest; newer ones have insights, and most a sample of records."""


class ParityReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that the compiled plan scores as the trained pipeline does; the registry takes no version without
    one.

    ``kernel_twin`` is the largest absolute difference between the C kernel and its NumPy twin,
    ``plan_pipeline`` the one between the plan and the training pipeline, over ``rows`` training rows and
    ``hostile_rows`` made-up ones (nulls, unseen words, huge numbers), as probabilities, or relative to the
    target's scale for regression.
    """

    plan_sha256: str
    rows: int
    hostile_rows: int
    kernel_twin: float
    plan_pipeline: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether both differences are within the tolerance (NaN is not)."""
        return self.kernel_twin <= self.tolerance and self.plan_pipeline <= self.tolerance and self.rows > 0


class ChampionComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A new version and the champion of that moment, on the same rows, which neither has learnt from.

    ``bundle`` is the champion's digest; ``gain`` (95 %: ``gain_low`` to ``gain_high``, standard error ``error``) is
    positive where the new version is better; ``margin`` is a loss that is too small to matter. ``known`` of the
    ``rows`` were in the champion's training, and were scored for it by models that had not seen them.
    """

    bundle: str
    metric: str
    new: float
    champion: float
    gain: float
    gain_low: float
    gain_high: float
    error: float
    margin: float
    rows: int
    known: int


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the bundle: SHA-256 in hex, size in bytes."""

    sha256: str
    bytes: int


class DataSource(msgspec.Struct, frozen=True, kw_only=True):
    """What the model learnt from: the snapshot's digest (``datasets``) and the rows that were used."""

    snapshot: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``. Its own SHA-256 is the bundle's digest, so nothing below can change without being
    seen.

    ``created`` is in seconds since the epoch (UTC); ``feature_plan`` says in words what is done to each
    column; ``definition`` is the prediction definition as plain JSON values; ``job`` names the job that made
    the bundle; ``comparison`` is what the gate will ask for.
    """

    format_version: int = FORMAT_VERSION
    prediction: str
    created: float
    task: Task
    signature: Signature
    metrics: tuple[Metric, ...]
    feature_plan: tuple[str, ...]
    data: DataSource
    seed: int
    budget_cpu_seconds: float
    library_versions: dict[str, str]
    receipt: ParityReceipt
    definition: dict[str, object] = {}
    job: str | None = None
    files: dict[str, FileEntry] = {}
    comparison: ChampionComparison | None = None
