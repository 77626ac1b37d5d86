"""The shared encoder: a text as hashed n-grams of words and of letters, each n-gram weighted by how rare it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from twinnet.core.types import FloatArray

BUCKETS = 1 << 16
_WORD = r"\w+"
FIELDS: dict[str, dict[str, Any]] = {
    "words": {"token_pattern": _WORD},
    "word_pairs": {"token_pattern": _WORD, "ngram_range": (2, 2)},
    "word_triples": {"token_pattern": _WORD, "ngram_range": (3, 3)},
    "letters_3": {"analyzer": "char_wb", "ngram_range": (3, 3)},
    "letters_4": {"analyzer": "char_wb", "ngram_range": (4, 4)},
    "letters_5": {"analyzer": "char", "ngram_range": (5, 5)},
    "numbers": {"token_pattern": r"\d[\d,.]*"},
}
_PLAIN = ("words_plain", "one_in_other", "other_in_one", "length", "numbers_differ", "apart_less", "apart_more")
MEASURES = (*FIELDS, *_PLAIN)
"""The last two: of either text's words, weighted by rarity, the share that the other text lacks."""
_NO_IDF = "numbers"


@dataclass(frozen=True, slots=True)
class NGrams:
    """`idf[field]` `(BUCKETS,)` float32: ln((1 + N) / (1 + texts with it)) + 1, as scikit-learn smooths it."""

    idf: dict[str, np.ndarray]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> NGrams:
        """Learn how rare n-grams are from texts; an empty list gives every n-gram the same weight."""
        weights = {}
        for name in FIELDS:
            if name == _NO_IDF or not len(texts):
                weights[name] = np.ones(BUCKETS, np.float32)
                continue
            seen = np.asarray((_hashed(name).transform(texts) > 0).sum(axis=0)).ravel()
            weights[name] = (np.log((1 + len(texts)) / (1 + seen)) + 1).astype(np.float32)
        return cls(weights)

    def encode(self, texts: Sequence[str]) -> dict[str, Any]:
        """`N` texts → sparse `(N, BUCKETS)` by field: counts 1 + ln(count), weighted, of unit length."""
        from scipy.sparse import diags
        from sklearn.preprocessing import normalize

        found = {}
        for name in FIELDS:
            counts = _hashed(name).transform(texts).astype(np.float32)
            if name == "words":
                found["plain"] = (counts > 0).astype(np.float32)
            counts.data = 1 + np.log(counts.data)
            found[name] = normalize(counts @ diags(self.idf[name]))
        return found

    def compare(self, a: dict[str, Any], b: dict[str, Any]) -> FloatArray:
        """Row by row `(P,)` encodings → `(P, len(MEASURES))`, the same for (a, b) and (b, a)."""
        columns = [_dot(a[name], b[name]) for name in FIELDS]
        plain_a, plain_b = a["plain"], b["plain"]
        both = _dot(plain_a, plain_b)
        n_a, n_b = (np.asarray(x.sum(axis=1)).ravel() for x in (plain_a, plain_b))
        few, many = np.maximum(1, np.minimum(n_a, n_b)), np.maximum(1, np.maximum(n_a, n_b))
        has_a, has_b = (np.asarray(x["numbers"].sum(axis=1)).ravel() > 0 for x in (a, b))
        columns += [both / np.sqrt(few * many), both / few, both / many, (many - few) / many, has_a != has_b]
        rare = self.idf["words"].astype(np.float64)
        shared, of_a, of_b = plain_a.multiply(plain_b) @ rare, plain_a @ rare, plain_b @ rare
        apart = np.sort([1 - shared / np.maximum(of_a, 1), 1 - shared / np.maximum(of_b, 1)], axis=0)
        columns += [apart[0], apart[1]]
        return np.stack([np.asarray(c, np.float64) for c in columns], axis=1)


@cache
def _hashed(name: str) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer  # slow to import

    return HashingVectorizer(n_features=BUCKETS, alternate_sign=False, norm=None, lowercase=True, **FIELDS[name])


def _dot(a: Any, b: Any) -> FloatArray:
    return np.asarray(a.multiply(b).sum(axis=1), np.float64).ravel()
