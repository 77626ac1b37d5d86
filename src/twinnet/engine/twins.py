"""What can embed and compare, whether torch or ONNX Runtime does the work: `Model` and `Engine` both are such."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray
from twinnet.data.preprocess import Preprocess
from twinnet.decide import DecisionRule
from twinnet.engine.distances import Embeddings


class Twins(Protocol):
    """Images in, distances out, and the rule that decides on them."""

    @property
    def preprocess(self) -> Preprocess: ...

    @property
    def known_rule(self) -> DecisionRule:
        """The decision rule, or NotCalibrated."""
        ...

    def embed_images(self, images: npt.NDArray[np.uint8]) -> Embeddings:
        """Preprocessed images `(B, H, W, C)` → `(B, D)`."""
        ...

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """`(P, D), (P, D)` → `(P,)`."""
        ...

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """`(N, D), (M, D)` → `(N, M)`."""
        ...
