"""The model package: one plan, and everything that must travel with it.

Receives: the files of a trained model and its manifest. Hands on: one digest that stands for every byte of
it, and the files, checked. Never knows: how a model is trained (``automl``), which version it becomes
(``registry``), or where blobs are kept (``adapters``).
"""

from tenantry.bundle.insights import Insights, RecordSample, pack_sample
from tenantry.bundle.manifest import (
    FILES,
    INSIGHTS,
    MODEL_CARD,
    PLAN,
    REFERENCE,
    SCORECARD,
    SIMILAR,
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
    load_insights,
    load_manifest,
    load_sample,
    load_scorecard,
    plan_path,
    read_file,
    save,
    verify,
)

__all__ = [
    "FILES",
    "INSIGHTS",
    "MODEL_CARD",
    "PLAN",
    "REFERENCE",
    "SCORECARD",
    "SIMILAR",
    "CalibrationReport",
    "ChampionComparison",
    "ColumnReport",
    "DataSource",
    "FileEntry",
    "Finding",
    "Insights",
    "LearningCurve",
    "Manifest",
    "Metric",
    "ParityReceipt",
    "RecordSample",
    "Scorecard",
    "ValueInterval",
    "complete",
    "encode_manifest",
    "load_insights",
    "load_manifest",
    "load_sample",
    "load_scorecard",
    "pack_sample",
    "plan_path",
    "read_file",
    "save",
    "verify",
]
