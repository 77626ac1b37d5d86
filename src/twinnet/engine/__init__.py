"""A trained twin as one ONNX file, run without torch."""

from twinnet.engine.distances import Embeddings
from twinnet.engine.engine import Engine
from twinnet.engine.inspector import Inspector, Seen
from twinnet.engine.session import CARD, FORMAT
from twinnet.engine.twins import Twins

__all__ = ["CARD", "FORMAT", "Embeddings", "Engine", "Inspector", "Seen", "Twins"]
