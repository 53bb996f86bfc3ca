"""Fields of a definition that speak against one another."""

from tenantry.apps._definition import METRICS, PredictionDefinition
from tenantry.schema import NUMERIC_TYPES, SemanticType, Task

_ORDERED = (*NUMERIC_TYPES, SemanticType.DATE, SemanticType.DATETIME, SemanticType.BOOLEAN)


def contradictions(definition: PredictionDefinition) -> dict[str, str]:
    """Field → what it contradicts; the first fault of each field."""
    faults: dict[str, str] = {}
    for found in (_names(definition), _task(definition), _monotone(definition), _split(definition)):
        for field, fault in found.items():
            faults.setdefault(field, fault)
    return faults


def _names(definition: PredictionDefinition) -> dict[str, str]:
    """Columns that are asked for and refused at once."""
    faults: dict[str, str] = {}
    target, key, included = definition.target, definition.key, set(definition.include)
    if key is not None and key == target:
        faults["key"] = "is the target"
    for field in ("only", "include", "exclude", "types", "monotone", "protected"):
        if target in getattr(definition, field):
            faults[field] = f"names the target {target!r}"
    both = sorted(set(definition.exclude) & {*definition.only, *included})
    if both and "exclude" not in faults:
        faults["exclude"] = f"{_listed(both)} is also asked for by only or include"
    barred = sorted(set(definition.protected) & set(definition.only) - included)
    if barred and "protected" not in faults:
        faults["protected"] = (
            f"{_listed(barred)} is also asked for by only; include it to use it as a feature"
        )
    if key is not None and key in definition.protected:
        faults["protected"] = f"names the key {key!r}"
    return faults


def _task(definition: PredictionDefinition) -> dict[str, str]:
    """What speaks of classes where there are none, and of two where there are more."""
    faults: dict[str, str] = {}
    task = definition.task
    if task is Task.REGRESSION:
        for field in ("positive_class", "costs", "class_weights"):
            if getattr(definition, field):
                faults[field] = "a regression has no classes"
    if task is Task.MULTICLASS and "false_positive" in definition.costs:
        faults["costs"] = "with several classes costs are {true class: {predicted class: cost}}"
    if task is not None and definition.metric is not None and definition.metric not in METRICS[task]:
        faults["metric"] = (
            f"{definition.metric} is no figure of a {task.value} task; {', '.join(METRICS[task])} are"
        )
    if definition.metric in METRICS[Task.REGRESSION]:
        for field in ("positive_class", "costs", "class_weights"):
            if getattr(definition, field):
                faults.setdefault(field, f"speaks of classes, and the metric {definition.metric} of values")
    return faults


def _monotone(definition: PredictionDefinition) -> dict[str, str]:
    """A direction for what is no feature, or has no order."""
    included = set(definition.include)
    for name in definition.monotone:
        kind = definition.types.get(name)
        if name in definition.exclude:
            return {"monotone": f"{name!r} is excluded"}
        if name in (definition.key, definition.group) and name not in included:
            return {"monotone": f"{name!r} is the {'key' if name == definition.key else 'group'}, no feature"}
        if name in definition.protected and name not in included:
            return {"monotone": f"{name!r} is protected, and no feature unless it is included"}
        if definition.only and name not in {*definition.only, *included}:
            return {"monotone": f"{name!r} is not among the columns of only"}
        if kind is not None and kind not in _ORDERED:
            return {"monotone": f"{name!r} is typed as {kind.value}, which has no order"}
    return {}


def _split(definition: PredictionDefinition) -> dict[str, str]:
    """Columns that part the rows, against the way in which they are parted."""
    faults: dict[str, str] = {}
    group, time, split = definition.group, definition.time, definition.split
    for field, name in (("group", group), ("time", time)):
        if name is not None and name == definition.target:
            faults[field] = "is the target"
        elif name is not None and split not in ("auto", field):
            faults[field] = f"has no use with split: {split}"
        elif name is None and split == field:
            faults["split"] = f"split: {split} needs the column in {field}"
    if group is not None and time is not None and split == "auto":
        faults["split"] = "group and time are both named, and rows are parted by one of them"
    if time is not None and definition.types.get(time) not in (None, *_ORDERED):
        faults["time"] = f"is typed as {definition.types[time].value}, which has no order"
    return faults


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
