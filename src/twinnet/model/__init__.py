"""The thing a user holds: one file on disk, and its card."""

from twinnet.model.card import card
from twinnet.model.forward import Embeddings
from twinnet.model.model import Model, load

__all__ = ["Embeddings", "Model", "card", "load"]
