"""Free text to TF-IDF over its frequent tokens and pairs of neighbouring tokens.

The vocabulary looks at texts only, never at the target, so one vocabulary serves all folds.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from tenantry.automl.arrays import F32
from tenantry.automl.encoders.slot import Slot
from tenantry.automl.typing import TypedColumn
from tenantry.plan.kernel import text_matrix, tokens

MIN_ROWS = 3
"""A token must be in this many texts."""
MAX_SHARE = 0.9
"""… and in no more than this share of them."""
MAX_TOKENS = 2500
FOREST_TOKENS = 400


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

    @classmethod
    def of(cls, at: int, column: TypedColumn, max_tokens: int = MAX_TOKENS) -> "TextEncoder":
        """Find the vocabulary of a column and encode all its rows."""
        texts = column.texts()
        parts = [[] if text is None else tokens(text) for text in texts]
        rows_with: Counter[str] = Counter()
        for found in parts:
            rows_with.update(set(found))
        present = max(1, sum(text is not None for text in texts))
        kept = [(count, t) for t, count in rows_with.items() if MIN_ROWS <= count <= MAX_SHARE * present]
        kept.sort(key=lambda pair: (-pair[0], pair[1]))
        kept = kept[:max_tokens]
        vocabulary = tuple(t for _, t in kept)
        idf = np.log((1 + present) / (1 + np.array([count for count, _ in kept], dtype=np.float64))) + 1
        csr = text_matrix(texts, vocabulary, idf.astype(np.float32))
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
        )

    def length_slots(self) -> list[Slot]:
        """Length in bytes and in tokens."""
        return [
            Slot(self.at, "chars", f"length of {self.name}"),
            Slot(self.at, "words", f"words in {self.name}"),
        ]

    def token_slots(self) -> list[Slot]:
        """The tokens that the forest may split on: the most frequent ones."""
        names = self.tokens[:FOREST_TOKENS]
        return [Slot(self.at, "token", f"“{t}” in {self.name}", i) for i, t in enumerate(names)]
