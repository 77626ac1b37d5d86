"""A twin without torch: one ONNX file that carries its preprocessing, comparison and decision rule."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import MissingExtra, ModelFileError, NotCalibrated, TwinnetError
from twinnet.core.types import Decision, FloatArray, Item
from twinnet.data.decode import decode
from twinnet.data.preprocess import Preprocess
from twinnet.decide import DecisionRule

CARD = "twinnet"
FORMAT = 1
Embeddings = npt.NDArray[np.float32]


@final
class Engine:
    """Reads an exported model. Threads may share it. Raises ModelFileError for anything that `export` did not write."""

    def __init__(self, content: str | Path | bytes, *, threads: int = 0, name: str = "") -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise MissingExtra("serving needs onnxruntime. Next: pip install 'twinnet[serve]'.") from error
        self.name = name or (str(content) if not isinstance(content, bytes) else "model")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        source = content if isinstance(content, bytes) else str(content)
        try:
            self._session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            self.card: dict[str, Any] = json.loads(self._session.get_modelmeta().custom_metadata_map[CARD])
            if self.card["format"] != FORMAT:
                raise ValueError(f"format {self.card['format']!r}; this program reads {FORMAT}")
            self.preprocess = Preprocess.from_dict(self.card["preprocess"])
            self.rule = DecisionRule.from_dict(self.card["rule"]) if self.card["rule"] else None
            self.comparison, self.dim = str(self.card["comparison"]), int(self.card["dim"])
            self.fingerprint = str(self.card["fingerprint"])
            learned = self.card["learned"]
            self._weight = np.array(learned["weight"], np.float32) if learned else None
            self._bias = np.float32(learned["bias"]) if learned else np.float32(0)
            if self.comparison not in ("cosine", "euclidean", "learned") or (self.comparison == "learned") != bool(
                learned
            ):
                raise ValueError(f"comparison {self.comparison!r}")
        except (KeyError, TypeError, ValueError, TwinnetError, RuntimeError, OSError) as error:
            raise ModelFileError(f"{self.name}: this is no exported model. Next: twinnet export MODEL.twin.") from error
        except Exception as error:  # ONNX Runtime's own errors share no base class
            if type(error).__module__.startswith("onnxruntime"):
                raise ModelFileError(f"{self.name}: this is no ONNX model. Next: twinnet export MODEL.twin.") from error
            raise
        self._input = self._session.get_inputs()[0].name
        self._lock = threading.Lock()

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
        if self.comparison == "learned":
            logits = (
                self._bias - np.stack([np.abs(row - b) @ self._weight for row in a])
                if len(a)
                else np.zeros((0, len(b)))
            )
            return np.asarray(np.logaddexp(0, -logits), np.float64)
        if self.comparison == "cosine":
            return np.asarray(1 - np.clip(_unit(a) @ _unit(b).T, -1, 1), np.float64)
        return (
            np.stack([np.linalg.norm(row - b, axis=1) for row in a]).astype(np.float64)
            if len(a)
            else np.zeros((0, len(b)))
        )

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Row by row, `(P, D), (P, D)` → `(P,)`."""
        if self.comparison == "learned":
            found = np.logaddexp(0, np.abs(a - b) @ self._weight - self._bias)
        elif self.comparison == "cosine":
            found = 1 - np.clip((_unit(a) * _unit(b)).sum(axis=1), -1, 1)
        else:
            found = np.linalg.norm(a - b, axis=1)
        return np.asarray(found, np.float64)

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
        return self.known_rule.decide(float(self.paired(self.embed([a]), self.embed([b]))[0]))


def _unit(x: Embeddings) -> Embeddings:
    length = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return np.asarray(x / length, np.float32)
