"""Trees out of a LightGBM booster, as arrays. Read from the model text, whose layout LightGBM keeps stable."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenantry.automl.arrays import F32, F64, I32, Bools

_DEFAULT_LEFT, _MISSING_KIND, _MISSING_NAN = 2, 12, 8


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """One tree: as ``plan.ir.Tree``, with slots as the booster numbers them. A tree of one leaf has no node."""

    feature: I32
    threshold: F32
    default_left: Bools
    left: I32
    right: I32
    value: F64
    cover: F64
    leaf_cover: F64


def read_trees(booster: Any) -> list[TreeArrays]:
    """All trees of a booster, in order."""
    text = booster.model_to_string(num_iteration=-1)
    return [_tree(dict(_pairs(block))) for block in text.split("\nTree=")[1:]]


def _pairs(block: str) -> list[tuple[str, str]]:
    lines = block.split("\n\n", 1)[0].split("\n")
    return [(key, value) for line in lines if "=" in line for key, value in [line.split("=", 1)]]


def _tree(fields: dict[str, str]) -> TreeArrays:
    value = _numbers(fields["leaf_value"])
    if int(fields["num_leaves"]) == 1:
        none = np.zeros(0, dtype=np.int32)
        empty = np.zeros(0)
        return TreeArrays(
            none, empty.astype(np.float32), none.astype(bool), none, none, value, empty, np.ones(1)
        )
    kinds = _numbers(fields["decision_type"]).astype(np.int32)
    threshold = _numbers(fields["threshold"])
    default_left = (kinds & _DEFAULT_LEFT) != 0
    # Without missing values in training, LightGBM reads a missing value as 0.
    reads_nan = (kinds & _MISSING_KIND) == _MISSING_NAN
    return TreeArrays(
        _numbers(fields["split_feature"]).astype(np.int32),
        _round_down(threshold),
        np.where(reads_nan, default_left, threshold >= 0.0),
        _numbers(fields["left_child"]).astype(np.int32),
        _numbers(fields["right_child"]).astype(np.int32),
        value,
        _numbers(fields["internal_count"]),
        _numbers(fields["leaf_count"]),
    )


def _round_down(threshold: F64) -> F32:
    """The largest float32 that is not above: for a float32 x, ``x <= t`` then says the same as with the double."""
    near = threshold.astype(np.float32)
    return np.where(
        near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near
    ).astype(np.float32)


def _numbers(text: str) -> F64:
    return np.array(text.split(), dtype=np.float64)
