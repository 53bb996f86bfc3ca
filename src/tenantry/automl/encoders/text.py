"""Free text to TF-IDF over its frequent tokens and pairs of neighbouring tokens; lists to their frequent items.

The vocabulary looks at texts only, never at the target, so one vocabulary serves all folds.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from tenantry.automl.arrays import F32
from tenantry.automl.encoders.slot import Slot
from tenantry.automl.typing import TypedColumn
from tenantry.plan.ir import ListDelimiter
from tenantry.plan.kernel import text_matrix, tokens

MIN_ROWS = 3
"""A token must be in this many texts."""
MAX_SHARE = 0.9
"""… and in no more than this share of them."""
MAX_TOKENS = 2500
FOREST_TOKENS = 400
MAX_ITEM_BYTES = 1024
VIEW_TOKENS = 150
VIEW_MIN_ROWS = 8
"""For the tokens of a category's words: they come back in many rows, or the whole word says as much."""
VIEW_MIN_WORDS, VIEW_MEAN_TOKENS = 20, 1.5


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """One text column: its vocabulary (most frequent first), ``matrix`` (rows × tokens, sparse), and its lengths."""

    at: int
    name: str
    tokens: tuple[str, ...]
    idf: F32
    matrix: Any
    chars: F32
    words: F32
    view: bool = False
    """Whether the column is a category first, and its lengths say nothing."""
    delimiter: ListDelimiter = ""
    """Of a list, whose tokens are its items."""
    scripts: bool = False
    """Whether its words are read by the rules of :mod:`tenantry.plan.scripts`."""

    @classmethod
    def view_of(cls, at: int, column: TypedColumn) -> "TextEncoder | None":
        """The tokens of a category whose words are made of several (“Police Officer III”): unseen words share tokens
        with known ones. None where the words are few or single."""
        _, words = column.words()
        if len(words) <= VIEW_MIN_WORDS:
            return None
        count = sum(" " not in token for word in words for token in tokens(word))
        if count < VIEW_MEAN_TOKENS * len(words):
            return None
        found = cls.of(at, column, VIEW_TOKENS, VIEW_MIN_ROWS)
        return replace(found, view=True) if found.tokens else None

    @classmethod
    def of(
        cls, at: int, column: TypedColumn, max_tokens: int = MAX_TOKENS, min_rows: int = MIN_ROWS
    ) -> "TextEncoder":
        """Find the vocabulary of a column and encode all its rows. A token must be in ``min_rows`` of them."""
        texts = column.texts()
        # what is written in ASCII alone reads alike either way, and can be exported to ONNX
        scripts = any(text and not text.isascii() and tokens(text) != tokens(text, True) for text in texts)
        parts = [[] if text is None else tokens(text, scripts) for text in texts]
        rows_with: Counter[str] = Counter()
        for found in parts:
            rows_with.update(set(found))
        present = max(1, sum(text is not None for text in texts))
        kept = [(count, t) for t, count in rows_with.items() if min_rows <= count <= MAX_SHARE * present]
        kept.sort(key=lambda pair: (-pair[0], pair[1]))
        kept = kept[:max_tokens]
        vocabulary = tuple(t for _, t in kept)
        idf = np.log((1 + present) / (1 + np.array([count for count, _ in kept], dtype=np.float64))) + 1
        csr = text_matrix(texts, vocabulary, idf.astype(np.float32), scripts=scripts)
        matrix = sparse.csr_matrix((csr.data, csr.indices, csr.indptr), shape=(len(texts), len(vocabulary)))
        chars = [np.nan if text is None else len(text.encode()) for text in texts]
        words = [
            np.nan if text is None else sum(" " not in t for t in found)
            for text, found in zip(texts, parts, strict=True)
        ]
        return cls(
            at,
            column.name,
            vocabulary,
            idf.astype(np.float32),
            matrix,
            np.array(chars, dtype=np.float32),
            np.array(words, dtype=np.float32),
            scripts=scripts,
        )

    @classmethod
    def of_list(cls, at: int, column: TypedColumn) -> "TextEncoder":
        """The items that come back in a column of lists, and how many there are."""
        lists = column.lists()
        rows_with = Counter(item for items in lists for item in dict.fromkeys(items or ()))
        kept = [
            (count, item)
            for item, count in rows_with.items()
            if MIN_ROWS <= count < len(lists) and len(item.encode()) <= MAX_ITEM_BYTES
        ]
        kept.sort(key=lambda pair: (-pair[0], pair[1]))
        vocabulary = tuple(item for _, item in kept[:MAX_TOKENS])
        index = {item: i for i, item in enumerate(vocabulary)}
        found = [sorted({index[item] for item in items or () if item in index}) for items in lists]
        indptr = np.cumsum([0, *map(len, found)])
        indices = np.array([i for row in found for i in row], dtype=np.int32)
        matrix = sparse.csr_matrix(
            (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(lists), len(vocabulary))
        )
        sizes = np.array([np.nan if items is None else len(items) for items in lists], dtype=np.float32)
        idf = np.ones(len(vocabulary), dtype=np.float32)
        return cls(at, column.name, vocabulary, idf, matrix, sizes, sizes, delimiter=column.delimiter)

    def lengths(self) -> list[tuple[Slot, F32]]:
        """Length in bytes and in tokens, a row each; of a list its items alone, of a view none."""
        if self.view:
            return []
        if self.delimiter:
            return [(Slot(self.at, "words", f"number of {self.name}"), self.words)]
        return [
            (Slot(self.at, "chars", f"length of {self.name}"), self.chars),
            (Slot(self.at, "words", f"words in {self.name}"), self.words),
        ]

    def token_slots(self) -> list[Slot]:
        """The tokens that the forest may split on: the most frequent ones."""
        names = self.tokens[:FOREST_TOKENS]
        return [Slot(self.at, "token", f"“{t}” in {self.name}", i) for i, t in enumerate(names)]
