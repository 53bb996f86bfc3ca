"""``Predictor``: AutoML and its plan as a scikit-learn estimator."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, Tags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from tenantry.apps import Direction, Metric
from tenantry.automl import TrainedModel, train
from tenantry.automl.checks.drift import check_table
from tenantry.bundle.insights import Insights, pack_sample, read_insights
from tenantry.bundle.manifest import INSIGHTS, PLAN, SIMILAR
from tenantry.bundle.scorecard import Finding, Scorecard
from tenantry.errors import InvalidData, InvalidRequest
from tenantry.insights import Flips, Goal, Similar, WhatIf
from tenantry.plan.reasons import Reason
from tenantry.schema import Task
from tenantry.sdk import _file
from tenantry.sdk._definition import LISTS, column_names, definition_for, plain
from tenantry.sdk._errors import InvalidTable
from tenantry.sdk._learnt import Learnt
from tenantry.sdk._shown import ShownScorecard
from tenantry.sdk._target import Target, numbers_of, read_target
from tenantry.sdk.frames import Frame, read_frame
from tenantry.tenancy import TenantId

Method = TypeVar("Method", bound=Callable[..., Any])
TENANT = TenantId("local")
"""Data in a notebook belongs to whoever runs it; engine functions want an owner all the same."""


def _classifies(estimator: "Predictor") -> bool:
    task = getattr(estimator, "task_", None) or estimator.task
    return task not in ("regression", Task.REGRESSION)


def _for_classes(method: Method) -> Method:
    """A method that regressors do not have."""
    return cast("Method", available_if(_classifies)(method))


class Predictor(BaseEstimator):  # type: ignore[misc]
    """Learn to predict one column of a messy table, and say how well and why.

    Give the target's name (``Predictor(target="Churn").fit(table)``) or the usual ``fit(X, y)``. Columns may
    hold numbers, money, dates, categories, words, and missing values, as they were exported; identifiers and
    columns that leak the outcome are left out, and the scorecard says why.

    Parameters:
        target: the column of ``X`` to predict; ``None`` to pass ``y``.
        task: ``"classification"`` or ``"regression"``; ``None`` finds it in the target. scikit-learn's own
            tools (stratified folds, scorers) know what the estimator is only if it is given.
        positive_class: the outcome of interest of a two-class target; ``None`` finds it.
        threshold: the probability from which ``predict`` says the positive class; ``None`` for the one chosen
            in training.
        include: columns to use even where a check would leave them out.
        exclude: columns to leave out.
        only: use these columns only; empty for all.
        key: a column that names the record; never a feature.
        types: column → type, where values mislead.
        metric: what models are selected and judged by; ``None`` for the task's usual one.
        costs: of being wrong, ``{"false_positive": 1, "false_negative": 20}`` or ``{true label: {predicted label:
            cost}}``; the threshold then costs the least.
        class_weights: ``"balanced"``, or label → weight (default 1).
        monotone: column → ``"increasing"`` or ``"decreasing"``: the way in which it may move the score.
        protected: columns that are no features unless included; the fairness report compares their groups.
        group: a column whose rows of one value stay together when models are judged.
        time: a date column; models are judged on later rows than they learnt from.
        split: ``"auto"``, ``"random"``, ``"group"`` or ``"time"``.
        effort: ``"deep"`` goes on searching until the budget ends.
        budget_cpu_seconds: CPU time that training may use.
        minimum_rows: refuse to learn from fewer rows with a known outcome.
        random_state: seed of everything random; the same data and seed give the same model.

    Attributes:
        classes_: the labels, sorted, in the order of ``predict_proba``'s columns (classification).
        task_: what was learnt.
        n_features_in_, feature_names_in_: the columns of ``X`` without the target.

    ``predict`` gives a series of the library that ``X`` came from. ``predict_proba`` always gives a NumPy
    array, since scikit-learn's scorers index it as one; :meth:`predict_table` gives all outputs as a table
    of the same library.
    """

    def __init__(  # noqa: PLR0913 (an estimator's parameters are its constructor's)
        self,
        target: str | None = None,
        *,
        task: Literal["classification", "regression"] | None = None,
        positive_class: Any = None,
        threshold: float | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        only: Sequence[str] = (),
        key: str | None = None,
        types: Mapping[str, str] | None = None,
        metric: Metric | None = None,
        costs: Mapping[Any, Any] | None = None,
        class_weights: Literal["balanced"] | Mapping[Any, float] | None = None,
        monotone: Mapping[str, Direction] | None = None,
        protected: Sequence[str] = (),
        group: str | None = None,
        time: str | None = None,
        split: Literal["auto", "random", "group", "time"] = "auto",
        effort: Literal["standard", "deep"] = "standard",
        budget_cpu_seconds: float = 20.0,
        minimum_rows: int = 50,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.target = target
        self.task = task
        self.positive_class = positive_class
        self.threshold = threshold
        self.include = include
        self.exclude = exclude
        self.only = only
        self.key = key
        self.types = types
        self.metric = metric
        self.costs = costs
        self.class_weights = class_weights
        self.monotone = monotone
        self.protected = protected
        self.group = group
        self.time = time
        self.split = split
        self.effort = effort
        self.budget_cpu_seconds = budget_cpu_seconds
        self.minimum_rows = minimum_rows
        self.random_state = random_state

    # --- learning -------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from ``X`` and its outcomes: ``y``, or the column ``target`` of ``X``.

        Raises:
            InvalidTable: data that nothing can be learnt from; code, message and hint say why. Also a
            ``ValueError``.
        """
        frame, outcome = self._without_target(read_frame(X))
        validate_data(self, frame.native, y=y, reset=True, skip_check_array=True)
        if y is not None:
            check_consistent_length(frame.native, y)
        if frame.table.num_rows < max(2, self.minimum_rows):
            raise InvalidTable(
                "too_few_rows",
                f"n_samples={frame.table.num_rows}, and at least {max(2, self.minimum_rows)} rows are needed",
            )
        target = read_target(self.target, self.task, frame.table.column_names, outcome, y)
        model = self._train(frame.table.append_column(target.name, target.values), target)
        parts = {
            PLAN: model.plan,
            "scorecard.json": msgspec.json.encode(model.scorecard),
            "model_card.md": model.model_card.encode(),
            "reference.json": msgspec.json.encode(model.reference),
        }
        if model.insights is not None:
            parts[INSIGHTS] = msgspec.json.encode(model.insights)
        if model.similar is not None:
            parts[SIMILAR] = pack_sample(model.similar)
        self._learn(parts, target, tuple(frame.table.column_names))
        return self

    def _train(self, table: pa.Table, target: Target) -> TrainedModel:
        seed = self._seed()
        if not self.budget_cpu_seconds > 0:
            raise InvalidTable(
                "definition_invalid",
                f"budget_cpu_seconds is {self.budget_cpu_seconds!r}",
                hint="Give the CPU seconds that training may take, such as 20.",
            )
        try:
            definition = definition_for(self.get_params(deep=False), target, seed)
            return train(
                TENANT,
                table,
                definition,
                budget_cpu_seconds=self.budget_cpu_seconds,
                seed=seed,
                minimum_rows=self.minimum_rows,
            )
        except (InvalidData, InvalidRequest) as error:
            raise InvalidTable.of(error) from error

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _without_target(self, frame: Frame) -> tuple[Frame, pa.ChunkedArray | None]:
        """``X`` without the target's column, and that column where it has one."""
        if self.target is None or self.target not in frame.table.column_names:
            return frame, None
        return frame.without(self.target), frame.table.column(self.target)

    def _learn(self, parts: dict[str, bytes], target: Target, columns: tuple[str, ...]) -> None:
        self._learnt = learnt = Learnt(parts, target, columns)
        self.task_ = learnt.task
        self.__dict__.pop("classes_", None)
        if learnt.classes is not None:
            self.classes_ = learnt.classes

    # --- predicting -----------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Any:
        """Labels, or values, one per row: a series of the library that ``X`` came from."""
        frame = self._checked(X)
        learnt = self._learnt
        found = learnt.predicted(learnt.scores(frame.table), self.threshold)
        return frame.series(learnt.target.name, found)

    @_for_classes
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Calibrated probabilities, (rows, classes), columns as in ``classes_``."""
        frame = self._checked(X)
        return self._learnt.probabilities(self._learnt.scores(frame.table))

    def predict_table(self, X: Any, k: int = 0) -> Any:
        """All outputs as a table of the library that ``X`` came from (Arrow for arrays).

        Columns: ``label`` (classification), ``score`` (the positive class's probability, the top class's, or
        the value), ``probability_<class>``, and with ``k`` > 0 ``reasons`` (the texts of :meth:`explain`,
        joined by "; ").
        """
        frame = self._checked(X)
        learnt = self._learnt
        scores = learnt.scores(frame.table)
        columns: dict[str, npt.NDArray[Any]] = {}
        if self.task_ is Task.REGRESSION:
            columns["score"] = scores[:, 0]
        else:
            shares = learnt.probabilities(scores)
            columns["label"] = learnt.predicted(scores, self.threshold)
            columns["score"] = scores[:, 0] if self.task_ is Task.BINARY else shares.max(axis=1)
            columns |= {
                f"probability_{label}": shares[:, i] for i, label in enumerate(self.classes_.tolist())
            }
        if k > 0:
            texts = ["; ".join(reason.text for reason in row) for row in learnt.explained(frame.table, k)]
            columns["reasons"] = np.array(texts, dtype=object)
        return frame.frame(columns)

    def explain(self, X: Any, k: int = 3) -> list[list[Reason]]:
        """The ``k`` columns that moved each row's score most, strongest first, in words: exact Shapley
        values, summed over what each raw column was encoded into (their unit: see ``Reason``)."""
        table = self._checked(X).table
        return self._learnt.explained(table, k)

    def what_if(self, X: Any, changes: Mapping[str, Any]) -> list[WhatIf]:
        """Each row's answer beside its answer with ``changes`` (column → value): what the model would say then."""
        return self._learnt.what_if(self._checked(X).table, changes)

    def find_flips(
        self, X: Any, goal: Goal | None = None, *, columns: Sequence[str] = (), fixed: Sequence[str] = ()
    ) -> list[Flips]:
        """For each row the smallest changes of one or two columns that reach the goal: by default another label.

        ``columns``: those that may change (default: all but free texts); ``fixed``: those that may not. Errors:
        ``InvalidRequest`` record_unknown, goal_invalid.
        """
        names = (column_names("columns", columns), column_names("fixed", fixed))
        return self._learnt.flips(self._checked(X).table, goal or Goal(), *names)

    def similar(self, X: Any, k: int = 10) -> list[Similar]:
        """For each row the ``k`` (1–100) training rows that are most like it, with what became of them. Raises
        ``NotFound("similar_missing")`` for a predictor of an earlier release."""
        return self._learnt.similar(self._checked(X).table, k)

    def insights(self) -> Insights:
        """What the model rests on and where it fails, as lists ready to plot. Raises
        ``NotFound("insights_missing")`` for a predictor of an earlier release."""
        check_is_fitted(self)
        return read_insights(self._learnt.parts.get(INSIGHTS))

    def check(self, X: Any) -> tuple[Finding, ...]:
        """What speaks against scoring ``X``: columns that are filled in or distributed otherwise than in
        training, the largest change first. Needs 100 rows; fewer give no finding."""
        table = self._checked(X).table
        return check_table(msgspec.json.decode(self._learnt.parts["reference.json"]), table)

    def score(self, X: Any, y: Any = None) -> float:
        """Accuracy, or R² for regression. ``y`` may be left out where ``X`` holds the target's column;
        rows without an outcome do not count then."""
        predicted = np.asarray(self.predict(X))
        if y is None:
            outcome = self._without_target(read_frame(X))[1]
            if outcome is None:
                raise InvalidTable("target_missing", "score needs y, or the target's column in X")
            y, known = self._learnt.target.typed(outcome)
            predicted = predicted[known]
        if self.task_ is Task.REGRESSION:
            return float(r2_score(numbers_of(y), predicted))
        return float(accuracy_score(y, predicted))

    def scorecard(self) -> Scorecard:
        """How well the model does and on what it rests, measured out of fold; reads well when printed."""
        check_is_fitted(self)
        return ShownScorecard.of(msgspec.json.decode(self._learnt.parts["scorecard.json"], type=Scorecard))

    # --- keeping --------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the predictor to one file (a zip archive of the plan and JSON); gives its path."""
        check_is_fitted(self)
        learnt = self._learnt
        target = learnt.target
        head = _file.Head(
            format=_file.FORMAT,
            params=self._plain_params(),
            columns=learnt.columns,
            named=hasattr(self, "feature_names_in_"),
            target=target.name,
            labels=target.label_list(),
            label_kind=target.kind,
            sha256={},
        )
        _file.write(Path(path), head, learnt.parts)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        Raises:
            NotFound: ``file_not_found``.
            Corrupt: ``predictor_corrupt``, ``plan_corrupt``.
        """
        head, parts = _file.read(Path(path))
        known = set(cls().get_params())
        params: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in head.params.items()
            if name in known
        }
        made = cls(**params)
        made.n_features_in_ = len(head.columns)
        if head.named:
            made.feature_names_in_ = np.array(head.columns, dtype=object)
        target = Target.restored(head.target, head.labels, head.label_kind)
        made._learn(parts, target, head.columns)
        return made

    def _plain_params(self) -> dict[str, Any]:
        """The parameters as JSON can hold them."""
        params = self.get_params(deep=False) | {"random_state": self.scorecard().seed}
        lists = {name: [str(column) for column in params[name]] for name in LISTS}
        return {name: plain(value) for name, value in (params | lists).items()}

    # --- inside ---------------------------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        task = getattr(self, "task_", None) or self.task
        if task in ("regression", Task.REGRESSION):
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        elif task is not None:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required = self.target is None
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learnt")

    def _checked(self, X: Any) -> Frame:
        check_is_fitted(self)
        frame, _ = self._without_target(read_frame(X))
        validate_data(self, frame.native, reset=False, skip_check_array=True)
        return frame.renamed(self._learnt.columns)
