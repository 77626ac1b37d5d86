"""A trained twin as one ONNX file, run without torch."""

from twinnet.engine.engine import CARD, FORMAT, Embeddings, Engine

__all__ = ["CARD", "FORMAT", "Embeddings", "Engine"]
