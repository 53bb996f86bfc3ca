"""What a definition says about the use of a model, once its classes are known."""

from tenantry.apps._definition import METRICS, PredictionDefinition
from tenantry.apps._fields import nearest
from tenantry.errors import InvalidRequest
from tenantry.schema import Task

CostMatrix = tuple[tuple[float, ...], ...]


def check_use(definition: PredictionDefinition, task: Task, classes: tuple[str, ...]) -> None:
    """Hold metric, costs and class weights against what the target turned out to be.

    ``classes`` as in the signature: (negative, positive) where there are two, none for values. Raises
    ``InvalidRequest("definition_invalid")`` naming each field that does not fit.
    """
    faults: dict[str, str] = {}
    if definition.metric is not None and definition.metric not in METRICS[task]:
        fits = ", ".join(METRICS[task])
        faults["metric"] = f"{definition.metric} is no figure of a {task.value} task; {fits} are"
    if task is Task.REGRESSION:
        for field in ("costs", "class_weights"):
            if getattr(definition, field):
                faults[field] = "speaks of classes, and the target holds values"
    else:
        faults |= _class_faults(definition, classes)
    if faults:
        shown = "; ".join(f"{field}: {fault}" for field, fault in faults.items())
        raise InvalidRequest(
            "definition_invalid",
            f"the definition does not fit the table: {shown}",
            details={"fields": faults},
        )


def _class_faults(definition: PredictionDefinition, classes: tuple[str, ...]) -> dict[str, str]:
    faults: dict[str, str] = {}
    weights = definition.class_weights
    foreign = _unknown(weights, classes) if isinstance(weights, dict) else []
    if foreign:
        faults["class_weights"] = foreign[0]
    costs = definition.costs
    if "false_positive" in costs and len(classes) != 2:
        faults["costs"] = f"with {len(classes)} classes costs are {{true class: {{predicted class: cost}}}}"
    rows = {name: row for name, row in costs.items() if isinstance(row, dict)}
    for name, row in rows.items():
        wrong = _unknown([name, *row], classes)
        missing = [other for other in classes if other != name and other not in row]
        if wrong:
            faults["costs"] = wrong[0]
        elif missing:
            faults["costs"] = f"says nothing of {name!r} taken for {missing[0]!r}"
        elif min(row[other] for other in classes if other != name) <= row.get(name, 0.0):
            faults["costs"] = f"a mistake over {name!r} must cost more than being right"
    absent = [name for name in classes if name not in rows]
    if rows and absent:
        faults.setdefault("costs", f"says nothing of {absent[0]!r}")
    return faults


def _unknown(names: dict[str, float] | list[str], classes: tuple[str, ...]) -> list[str]:
    listed = ", ".join(map(repr, classes[:10])) + (" …" if len(classes) > 10 else "")
    return [
        f"{name!r} is none of the outcomes {listed}{nearest(name, classes)}"
        for name in names
        if name not in classes
    ]


def cost_matrix(definition: PredictionDefinition, classes: tuple[str, ...]) -> CostMatrix | None:
    """Costs by true class (rows) and predicted class (columns), in the order of ``classes``; None where the definition
    names none. For two classes that order is (negative, positive). The definition has passed :func:`check_use`.
    """
    costs = definition.costs
    if not costs:
        return None
    outcomes = {name: cost for name, cost in costs.items() if not isinstance(cost, dict)}
    if outcomes:
        correct = outcomes.get("true_negative", 0.0), outcomes.get("true_positive", 0.0)
        return ((correct[0], outcomes["false_positive"]), (outcomes["false_negative"], correct[1]))
    rows = {name: row for name, row in costs.items() if isinstance(row, dict)}
    return tuple(tuple(rows[true].get(chosen, 0.0) for chosen in classes) for true in classes)


def weights_of_classes(
    definition: PredictionDefinition, classes: tuple[str, ...], counts: tuple[int, ...]
) -> tuple[float, ...] | None:
    """A weight a class, in the order of ``classes``; None where the definition names none.

    ``balanced``: rows / (classes × rows of the class), so that every class weighs the same (as in scikit-learn).
    ``counts`` are the training rows of each class. The definition has passed :func:`check_use`.
    """
    weights = definition.class_weights
    if weights is None:
        return None
    if weights == "balanced":
        return tuple(sum(counts) / (len(classes) * count) if count else 0.0 for count in counts)
    return tuple(weights.get(name, 1.0) for name in classes)
