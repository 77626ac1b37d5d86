"""The one dict that knows the losses' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.losses.bce import BCE
from twinnet.losses.combine import CrossBatchMemory
from twinnet.losses.contrastive import Contrastive
from twinnet.losses.cross_entropy import CrossEntropy
from twinnet.losses.episodes import NPairs, Prototypical
from twinnet.losses.proxies import ArcFace, CosFace, ProxyAnchor
from twinnet.losses.similarity import NCA, Circle, MultiSimilarity
from twinnet.losses.supcon import NTXent, SupCon
from twinnet.losses.triplet import Triplet

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "contrastive": Contrastive,
    "triplet": Triplet,
    "bce": BCE,
    "supcon": SupCon,
    "nt_xent": NTXent,
    "n_pairs": NPairs,
    "multi_similarity": MultiSimilarity,
    "circle": Circle,
    "nca": NCA,
    "prototypical": Prototypical,
}
"""Those that compare embeddings with each other; the first argument is the comparison."""

PROXY_LOSSES: dict[str, Callable[..., nn.Module]] = {
    "arcface": ArcFace,
    "cosface": CosFace,
    "proxy_anchor": ProxyAnchor,
}
"""Those with a learned vector for every class; the first arguments are `dim` and `n_classes`."""


def build(
    name: str, comparison: nn.Module, *, dim: int = 0, n_classes: int = 0, memory: int = 0, **settings: Any
) -> nn.Module:
    """A loss on this comparison; `settings` are its own (margin, temperature …).

    Proxy losses need `dim` and `n_classes`, cross-entropy takes none of it. With `memory` > 0 and `dim`, the loss also
    sees that many past embeddings.
    """
    if name == "cross_entropy":
        return CrossEntropy(**settings)
    if name in PROXY_LOSSES:
        if not dim or not n_classes:
            raise ConfigError(f"the {name} loss keeps a vector for every class: give dim and n_classes.")
        return PROXY_LOSSES[name](dim, n_classes, **settings)
    if name not in LOSSES:
        known = sorted([*LOSSES, *PROXY_LOSSES, "cross_entropy"])
        raise ConfigError(f"loss {name!r} is unknown. Known: {', '.join(known)}.")
    loss = LOSSES[name](comparison, **settings)
    if not memory:
        return loss
    if not dim:
        raise ConfigError("a memory keeps embeddings: give dim.")
    return CrossBatchMemory(loss, int(memory), dim=dim)
