"""The plan before it is bytes: what AutoML hands to the compiler.

A plan turns one raw record into margins and a calibrated score in four steps.

1. **Encode.** Each column writes float32 *slots* (``x[0..n_slots)``; NaN = missing), and may add to the linear
   member directly (categories and words carry their own weights). Several columns may be *views* of one raw input: they
   have its name and stand together, and each reads the value in its own way (a text as tokens and as a category, a
   number as a category). Then the pairs, then the derived slots.
2. **Score.** ``margin[k] = base[k] + forest_weight * sum(trees of output k) + linear_weight * linear[k]``, summed in
   float64 in the order in which the trees and terms stand.
3. **Calibrate.** margins → a probability, class probabilities, or a value (:class:`Calibration`).
4. **Explain.** exact Shapley values in margin space, summed over the slots of each raw input: path-dependent
   TreeSHAP for the forest (Lundberg et al. 2020; computed by Owen's integral), ``weight * (x - mean)`` for the linear
   member.

``K`` is the number of outputs: 1 for binary and regression, the number of classes for multiclass. All weights and
leaves are float32, so that the C kernel, its NumPy twin, LightGBM (with its leaves rounded) and ONNX see the same
numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tenantry.schema import Task

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

MAX_PATH_FEATURES = 16
"""Most distinct slots on one root-to-leaf path: the quadrature with 8 points is exact up to here."""
MAX_TREE_LEAVES = 128
MAX_SLOTS = 16_000
DateOrder = Literal["ymd", "mdy", "dmy"]
DateDigits = Literal["", "day", "month", "seconds", "millis", "micros", "excel"]
DerivedOp = Literal["difference", "ratio"]
ListDelimiter = Literal["", "|", ";", ","]
WordPart = Literal["word", "email_domain", "url_domain", "prefix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """How a column writes numbers (grammar in ``plan/parse.py``). ``nulls`` are numbers that mean missing (999, -1).

    ``unit_tail``: anything that looks like a unit may follow, and is not read. ``units``: one of these may follow, and
    the number is multiplied by its factor; at most 255, each of at most 64 bytes. ``clock``: ``H:MM`` is read in hours.
    """

    decimal: Literal[".", ","] = "."
    unit_tail: bool = False
    nulls: tuple[float, ...] = ()
    units: tuple[tuple[str, float], ...] = ()
    clock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn:
    """One slot. A string is parsed by ``format``; what does not parse is missing; huge values clamp to ±FLT_MAX."""

    name: str
    slot: int
    format: NumberFormat = NumberFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class DateColumn:
    """Slots for the parts of a date; a part that is not wanted has slot -1.

    ``days`` counts from 1970-01-01 with the time of day as a fraction, ``month`` 1–12, ``weekday`` Monday = 0,
    ``day`` 1–31, ``hour`` 0–23, ``yearday`` 1–366, ``week`` 1–53 (ISO 8601: week 1 has the year's first Thursday).
    ``digits`` says what a plain number means (``plan/dates.py``); ``nulls`` are days that mean missing (9999-12-31).
    """

    name: str
    order: DateOrder
    days: int
    month: int = -1
    weekday: int = -1
    day: int = -1
    hour: int = -1
    yearday: int = -1
    week: int = -1
    digits: DateDigits = ""
    nulls: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryColumn:
    """A word looked up in a table. ``rows[i]`` is the table row of ``words[i]`` (several words may share a row; null
    words share ``missing_row``). Words are compared as UTF-8 after stripping ASCII white space; JSON true/false are the
    words ``true``/``false``; numbers are their shortest decimal text, integral floats without the point.

    ``part`` says what of the word is looked up (``plan/parts.py`` has the rules); where there is no such part, the
    value is missing. It is the whole ``word``; an ``email_domain``, what follows the last ``@``; a ``url_domain``, the
    host without scheme, user, port and a leading ``www.`` (both in ASCII lower case); or a ``prefix`` of
    ``prefix_bytes`` bytes (1–255), fewer where a character would be cut (postal codes, phone numbers).

    ``values``: (R, len(slots)) float32, written to ``slots``; ``weights``: (R, K) float32, added to the linear member;
    ``mean_weight``: (K,) float32, the training mean of that addition.
    """

    name: str
    words: tuple[str, ...]
    rows: I32
    missing_row: int
    unseen_row: int
    slots: tuple[int, ...]
    values: F32
    weights: F32
    mean_weight: F32
    part: WordPart = "word"
    prefix_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumn:
    """TF-IDF over known tokens (grammar in ``plan/parse.py``: tokens and neighbouring pairs ``"a b"``).

    value of token t = ``q(tf_weight(count) * idf[t] / norm)`` with ``norm`` the L2 norm over the known tokens of the
    text and ``q`` rounding to multiples of 1/256, so that no threshold can fall between two ways of rounding.
    ``token_slots``: (T,) int32, -1 where the forest does not use the token; ``weights``: (T, K) float32;
    ``mean_weight``: (K,) float32. ``chars_slot``/``words_slot`` take the length in bytes and in tokens (-1: unused;
    NaN where the text is missing).

    With ``scripts`` tokens are words of any script (``plan/scripts.py``): letters of the larger alphabets are
    lower-cased, punctuation of any script ends a word, and what is written without spaces (Chinese,
    Japanese, Thai, Lao, Khmer, Burmese) comes as pairs of neighbouring characters.

    With a ``delimiter`` (one of ``| ; ,``) the text is a list, and its tokens are items: what stands between
    delimiters, or the strings of a JSON array (as text without escapes, or as a list among the record's values), each
    stripped of white space; empty ones do not count. Items are compared as they stand, like the words of a category. A
    known item's value is 1; ``idf`` is 1 throughout, ``words_slot`` takes the number of items, and there is no
    ``chars_slot``.
    """

    name: str
    tokens: tuple[str, ...]
    idf: F32
    token_slots: I32
    weights: F32
    mean_weight: F32
    chars_slot: int = -1
    words_slot: int = -1
    delimiter: ListDelimiter = ""
    scripts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoColumn:
    """Slots for the latitude (±90) and longitude (±180) of a place, in degrees; -1 where one is not wanted.

    Text: ``lat, lon``, ``lat; lon`` or ``lat lon``, also in round or square brackets, or ``POINT (lon lat)``; or a list
    of two numbers, latitude first. Both are missing where one is no number or out of range.
    """

    name: str
    lat: int
    lon: int


PlanColumn = NumberColumn | DateColumn | CategoryColumn | TextColumn | GeoColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A category made of two: a table looked up by the rows that two category columns found in theirs.

    ``left`` and ``right`` are numbers of columns in :attr:`PlanSpec.columns`; ``keys``: (P, 2) int32, a left and a
    right row, and ``rows``: (P,) int32, the pair's own row; any other two rows take ``unseen_row`` (a missing or unseen
    word has a row too, so it can stand in a key). ``slots``, ``values``, ``weights`` and ``mean_weight`` are a
    :class:`CategoryColumn`'s. What a pair moves is halved between the inputs of its two columns; no slot is derived
    from a pair's.
    """

    left: int
    right: int
    keys: I32
    rows: I32
    unseen_row: int
    slots: tuple[int, ...]
    values: F32
    weights: F32
    mean_weight: F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A slot of two others that columns fill, in float32, NaN where either is, limited to ±FLT_MAX: a ``difference`` is
    ``x[left] - x[right]``, a ``ratio`` ``x[left] / x[right]`` (NaN where the right one is 0).

    Its attribution is halved between the two inputs."""

    slot: int
    left: int
    right: int
    op: DerivedOp = "difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One binary tree of output ``output``. Node i goes to ``left[i]`` where ``x[feature[i]] <= threshold[i]``; NaN
    goes left where ``default_left[i]``. A child >= 0 is a node (always greater than its parent), ``~c`` is leaf c.

    Arrays: n internal nodes, n + 1 leaves (n >= 1); ``cover``/``leaf_cover`` are training weights, for TreeSHAP.
    """

    output: int
    feature: I32
    threshold: F32
    default_left: npt.NDArray[np.bool_]
    left: I32
    right: I32
    value: F32
    cover: F64
    leaf_cover: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """``intercept[k] + sum_j weight[j,k] * clip((z_j - mean_j) * inv_scale_j, -8, 8)`` over ``slot``s, where ``z_j`` is
    ``x[slot_j]``, or ``fill_j`` where that is NaN; plus the weights that categories and words carry.

    ``center``: (m,) float32, the training mean of the clipped term, for attribution.
    """

    intercept: F64
    slot: I32
    mean: F32
    inv_scale: F32
    fill: F32
    center: F32
    weight: F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Margins to what the caller sees.

    - ``sigmoid`` (binary): ``1 / (1 + exp(-(a * m + b[0])))`` (Platt).
    - ``isotonic`` (binary): linear between knots ``x`` (margin) → ``y`` (probability), constant outside.
    - ``softmax`` (multiclass): ``softmax(a * m + b)``.
    - ``linear`` (regression): ``clip(m * a + b[0], low, high)``.
    - ``exp`` (regression on a log target): ``clip(exp(m * a + b[0]), low, high)``.
    """

    kind: Literal["sigmoid", "isotonic", "softmax", "linear", "exp"]
    a: float = 1.0
    b: F64 = field(default_factory=lambda: np.zeros(1))
    x: F64 = field(default_factory=lambda: np.zeros(0))
    y: F64 = field(default_factory=lambda: np.zeros(0))
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """A whole plan. ``meta`` is JSON-able and travels in the file unread by the kernel (see ``plan/meta.py``); it
    describes inputs, so a column that is another's view has no entry of its own there."""

    task: Task
    n_outputs: int
    n_slots: int
    columns: tuple[PlanColumn, ...]
    trees: tuple[Tree, ...]
    linear: Linear | None
    base: F64
    forest_weight: float
    linear_weight: float
    calibration: Calibration
    meta: Mapping[str, Any]
    pairs: tuple[Pair, ...] = ()
    derived: tuple[Derived, ...] = ()
    seed: int = 0

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the raw inputs, in the order of their columns."""
        return tuple(dict.fromkeys(column.name for column in self.columns))

    @property
    def input_of(self) -> tuple[int, ...]:
        """Of each column the number of the raw input that it reads."""
        number = {name: i for i, name in enumerate(self.inputs)}
        return tuple(number[column.name] for column in self.columns)
