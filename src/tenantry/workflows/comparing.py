"""A newly trained model beside the champion, on the same rows, before the new one is registered.

The new model is judged by its out-of-fold predictions. The champion would shine on rows that it has learnt from; those
it is given its own out-of-fold predictions of, which its bundle keeps; rows that it has never seen its plan scores.
"""

from typing import TYPE_CHECKING

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.bundle import ChampionComparison, Manifest, Metric, load_manifest, plan_path, read_file
from tenantry.bundle.held_out import HELD_OUT, HeldOut
from tenantry.errors import NotFound, TenantryError
from tenantry.evaluation import Comparison, compare_classes, compare_values
from tenantry.plan import Plan
from tenantry.registry import CHAMPION
from tenantry.schema import Signature, Task
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId
from tenantry.workflows.gate import foreign
from tenantry.workflows.stores import Stores

if TYPE_CHECKING:
    from tenantry.automl import TrainedModel
    from tenantry.automl.held_out import Judged

LEAST_ROWS = 100
LEAST_OF_A_CLASS = 10
MARGIN = 0.02
"""Share of the new model's gain on guessing that may be lost without it mattering to anyone. Its models of
four fifths of the rows stand in for one of all, and on very many rows a difference in the fourth digit would decide."""
_DEFAULT = {Task.BINARY: "auroc", Task.MULTICLASS: "macro_auroc", Task.REGRESSION: "r2"}
_log = get_logger("tenantry.workflows")


def compare_with_champion(
    stores: Stores, tenant: TenantId, definition: PredictionDefinition, trained: "TrainedModel"
) -> ChampionComparison | None:
    """None where there is no champion, where it predicts something else or knows too little of its own training, or
    where fewer than 100 rows (or 10 of a class) can be compared: the gate then asks the figures of both scorecards.

    A champion that cannot be read is logged, and does not stop the training of its successor.
    """
    try:
        number = stores.registry.aliases(tenant, definition.name).get(CHAMPION)
    except NotFound:
        return None
    if number is None or trained.judged is None:
        return None
    try:
        bundle = stores.registry.version(tenant, definition.name, str(number)).bundle
        champion = load_manifest(stores.blobs, tenant, bundle)
        if HELD_OUT not in champion.files or foreign(trained.signature, definition.target, champion):
            return None
        kept = HeldOut.decode(read_file(stores.blobs, tenant, champion, HELD_OUT))
        found = _predictions(stores, tenant, champion, kept, trained.judged)
    except TenantryError as error:
        _log.warning("champion not compared", tenant=tenant, model=definition.name, code=error.code)
        return None
    if found is None:
        return None
    return _compared(bundle, definition, trained, champion.signature, found)


class _Found:
    """The rows that can be compared: their places among the judged ones, and the champion's predictions."""

    def __init__(self, places: np.ndarray, theirs: np.ndarray, known: int) -> None:
        self.places = places
        self.theirs = theirs
        self.known = known


def _predictions(
    stores: Stores, tenant: TenantId, champion: Manifest, kept: HeldOut, judged: "Judged"
) -> _Found | None:
    hashes = judged.hashes(kept.columns)
    if hashes is None:
        return None
    # Only rows that the champion would have kept if it had seen them: of the others nobody knows whether it has.
    places = np.flatnonzero(hashes <= np.uint64(kept.limit))
    at = kept.places(hashes[places])
    theirs = np.full((len(places), judged.predicted.shape[1]), np.nan)
    known = at >= 0
    theirs[known] = kept.predicted[at[known]]
    fresh = np.flatnonzero(~known)
    if len(fresh):
        names = tuple(column.name for column in champion.signature.inputs)
        with Plan.open(plan_path(stores.blobs, tenant, champion)) as plan:
            scored = np.array(plan.score_rows(judged.records(names, places[fresh].astype(np.int64))))
        theirs[fresh] = np.hstack((1 - scored, scored)) if champion.task is Task.BINARY else scored
    whole = np.isfinite(theirs).all(axis=1)
    return _Found(places[whole], theirs[whole], int((known & whole).sum()))


def _compared(
    bundle: str,
    definition: PredictionDefinition,
    trained: "TrainedModel",
    champion: Signature,
    found: _Found,
) -> ChampionComparison | None:
    judged, task = trained.judged, trained.signature.task
    if judged is None or len(found.places) < LEAST_ROWS:
        return None
    y, ours = judged.y[found.places], judged.predicted[found.places]
    if task is not Task.REGRESSION and np.bincount(y, minlength=ours.shape[1]).min() < LEAST_OF_A_CLASS:
        return None
    metric = definition.metric or _DEFAULT[task]
    if task is Task.REGRESSION:
        result = compare_values(metric, y, ours[:, 0], found.theirs[:, 0])
    else:
        folds = None if judged.folds is None else judged.folds[found.places]
        cuts = trained.signature.threshold, champion.threshold
        result = compare_classes(metric, y, ours, found.theirs, cuts, folds)
    return _record(bundle, result, trained.scorecard.metrics, found)


def _record(
    bundle: str, result: Comparison, metrics: tuple[Metric, ...], found: _Found
) -> ChampionComparison | None:
    skill = next((m.gain for m in metrics if m.name == result.metric), None)
    figures = (
        result.ours,
        result.theirs,
        result.gain.value,
        result.gain.low,
        result.gain.high,
        result.gain.error,
    )
    if not all(np.isfinite(figures)):
        return None
    return ChampionComparison(
        bundle=bundle,
        metric=result.metric,
        new=result.ours,
        champion=result.theirs,
        gain=result.gain.value,
        gain_low=result.gain.low,
        gain_high=result.gain.high,
        error=result.gain.error,
        margin=MARGIN * max(0.0, skill or 0.0),
        rows=len(found.places),
        known=found.known,
    )
