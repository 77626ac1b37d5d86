"""A twin without torch: one ONNX file that carries its preprocessing, comparison and decision rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ModelFileError, NotCalibrated, TwinnetError
from twinnet.core.types import Decision, FloatArray, Item
from twinnet.data.decode import decode
from twinnet.data.preprocess import Preprocess
from twinnet.decide import DecisionRule, ReadingRule
from twinnet.engine.distances import Compared, Embeddings
from twinnet.engine.session import opened


@final
class Engine:
    """Reads an exported model. Threads may share it. Raises ModelFileError for anything that `export` did not write."""

    def __init__(self, content: str | Path | bytes, *, threads: int = 0, name: str = "") -> None:
        self.name = name or (str(content) if not isinstance(content, bytes) else "model")
        self._session, self.card = opened(content, self.name, threads)
        card: dict[str, Any] = self.card
        try:
            self.preprocess = Preprocess.from_dict(card["preprocess"])
            self.rule = DecisionRule.from_dict(card["rule"]) if card["rule"] else None
            self.reading = ReadingRule(**card["reading"]) if card.get("reading") else None
            self.fingerprint, self.dim = str(card["fingerprint"]), int(card["dim"])
            self.normalise = bool(card["normalise"])
            learned = card["learned"]
            weight = np.array(learned["weight"], np.float32) if learned else None
            self._compared = Compared(str(card["comparison"]), weight, float(learned["bias"]) if learned else 0.0)
        except (KeyError, TypeError, ValueError, TwinnetError) as error:
            raise ModelFileError(f"{self.name}: this is no exported model of twins ({error}).") from error
        self._input = self._session.get_inputs()[0].name

    @property
    def comparison(self) -> str:
        """cosine, euclidean or learned."""
        return self._compared.name

    def prepared(self, item: Item, name: str | None = None) -> npt.NDArray[np.uint8]:
        """An item as the network's picture `(H, W, C)`. Raises UnreadableItem."""
        return self.preprocess.apply(decode(item, name=name))

    def embed_images(self, images: npt.NDArray[np.uint8]) -> Embeddings:
        """`(B, H, W, C)` uint8 → `(B, D)` float32."""
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        found: Embeddings = self._session.run(None, {self._input: self.preprocess.normalise(images)})[0]
        return found

    def embed(self, items: Sequence[Item]) -> Embeddings:
        """Paths, encoded bytes or arrays → `(N, D)`."""
        pictures = [self.prepared(item) for item in items]
        return self.embed_images(np.stack(pictures)) if pictures else np.zeros((0, self.dim), np.float32)

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Distances of all against all, `(N, D), (M, D)` → `(N, M)`."""
        return self._compared.cross(a, b)

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Row by row, `(P, D), (P, D)` → `(P,)`."""
        return self._compared.paired(a, b)

    @property
    def known_rule(self) -> DecisionRule:
        """The decision rule, or NotCalibrated."""
        if self.rule is None:
            raise NotCalibrated(
                "this model has no threshold, so it measures distances and does not decide. "
                "Next: twinnet calibrate MODEL DATA, and export it again."
            )
        return self.rule

    def verify(self, a: Item, b: Item) -> Decision:
        """Same or different?"""
        # One by one, not in one batch: the order of the two must not matter, not even in the last bit.
        return self.known_rule.decide(float(self.paired(self.embed([a]), self.embed([b]))[0]))
