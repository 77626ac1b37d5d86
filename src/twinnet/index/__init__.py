"""Vectors → neighbours: exact, or by a graph. Knows no identities, and no torch."""

from twinnet.index.base import Neighbours, VectorIndex
from twinnet.index.exact import Exact
from twinnet.index.graph import Graph

__all__ = ["Exact", "Graph", "Neighbours", "VectorIndex"]
