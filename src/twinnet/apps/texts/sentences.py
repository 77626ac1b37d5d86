"""Sentence models of others as one more measure: a folder that sentence-transformers reads, or wordllama."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.core.extras import require
from twinnet.core.types import FloatArray

WORDLLAMA = "wordllama"
"""The static word vectors that the package of this name carries: no network, some thousand sentences a second."""


@cache
def sentence_model(path: str) -> SentenceModel | WordVectors:
    """The model in a folder, nothing is fetched. ConfigError where there is none, MissingExtra without library."""
    if path == WORDLLAMA:
        return WordVectors(require("wordllama", "vectors").WordLlama.load(disable_download=True))
    if not Path(path).is_dir():
        raise ConfigError(f"{path}: no such folder. Next: name the folder of a sentence-transformers model.")
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra("sentence models need sentence-transformers. Next: pip install 'twinnet[text]'.") from error
    try:
        return SentenceModel(SentenceTransformer(path, device="cpu", local_files_only=True))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: this is no sentence-transformers model ({error}).") from error


class SentenceModel:
    """Embeds texts; compared by the cosine."""

    def __init__(self, model: object) -> None:
        self._model = model

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """`N` texts → `(N, D)` of unit length."""
        found = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)  # type: ignore[attr-defined]
        return np.asarray(found, np.float64)


class WordVectors:
    """The mean of a text's word vectors."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """`N` texts → `(N, D)` of unit length; zeros for a text without words."""
        if not len(texts):
            return np.zeros((0, 1))
        found = np.asarray(self._model.embed(list(texts)), np.float64)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.where(length > 0, length, 1))
