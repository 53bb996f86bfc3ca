"""The model package: one plan, and everything that must travel with it.

Receives: the files of a trained model and its manifest. Hands on: one digest that stands for every byte of
it, and the files, checked. Never knows: how a model is trained (``automl``), which version it becomes
(``registry``), or where blobs are kept (``adapters``).
"""

from tenantry.bundle.manifest import (
    FILES,
    MODEL_CARD,
    PLAN,
    REFERENCE,
    SCORECARD,
    ChampionComparison,
    DataSource,
    FileEntry,
    Manifest,
    ParityReceipt,
)
from tenantry.bundle.scorecard import (
    CalibrationReport,
    ColumnReport,
    Finding,
    LearningCurve,
    Metric,
    Scorecard,
    ValueInterval,
)
from tenantry.bundle.store import (
    complete,
    encode_manifest,
    load_manifest,
    load_scorecard,
    plan_path,
    read_file,
    save,
    verify,
)

__all__ = [
    "FILES",
    "MODEL_CARD",
    "PLAN",
    "REFERENCE",
    "SCORECARD",
    "CalibrationReport",
    "ChampionComparison",
    "ColumnReport",
    "DataSource",
    "FileEntry",
    "Finding",
    "LearningCurve",
    "Manifest",
    "Metric",
    "ParityReceipt",
    "Scorecard",
    "ValueInterval",
    "complete",
    "encode_manifest",
    "load_manifest",
    "load_scorecard",
    "plan_path",
    "read_file",
    "save",
    "verify",
]
