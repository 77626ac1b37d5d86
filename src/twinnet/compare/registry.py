"""The one dict that knows the comparisons' names."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from twinnet.compare.learned import Learned
from twinnet.compare.metric import Cosine, Euclidean
from twinnet.core.errors import ConfigError

COMPARISONS: dict[str, Callable[[int], nn.Module]] = {
    "euclidean": lambda dim: Euclidean(),
    "cosine": lambda dim: Cosine(),
    "learned": Learned,
}


def build(name: str, dim: int) -> nn.Module:
    """A fresh comparison of `dim`-dimensional embeddings."""
    if name not in COMPARISONS:
        raise ConfigError(f"comparison {name!r} is unknown. Known: {', '.join(sorted(COMPARISONS))}.")
    return COMPARISONS[name](dim)
