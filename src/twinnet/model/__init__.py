"""The thing a user holds: one file on disk, and its card."""

from twinnet.model.card import card
from twinnet.model.model import Embeddings, Model, load

__all__ = ["Embeddings", "Model", "card", "load"]
