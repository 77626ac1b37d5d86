"""Sentence models of others as one more field of the encoder: any model folder that sentence-transformers reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.core.types import FloatArray


@cache
def sentence_model(path: str) -> SentenceModel:
    """The model in a folder, nothing is fetched. ConfigError where there is none, MissingExtra without library."""
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
