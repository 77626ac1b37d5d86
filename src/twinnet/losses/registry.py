"""The one dict that knows the losses' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.losses.bce import BCE
from twinnet.losses.combine import CrossBatchMemory, WeightedSum
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


NAMES = (*LOSSES, *PROXY_LOSSES, "cross_entropy")
"""All that `build` knows."""


def build(
    name: str,
    comparison: nn.Module,
    *,
    dim: int = 0,
    n_classes: int = 0,
    memory: int = 0,
    also: Sequence[Mapping[str, Any]] = (),
    **settings: Any,
) -> nn.Module:
    """A loss on this comparison; `settings` are its own (margin, temperature …).

    Proxy losses need `dim` and `n_classes`; cross-entropy makes a linear layer of them. With `memory` > 0 and `dim`,
    the loss also sees that many past embeddings. `also` are losses to add: each a `loss` and a `weight` with its own
    settings, such as `{"loss": "triplet", "weight": 0.5, "margin": 0.2}`. Raises ConfigError.
    """
    first = _one(name, comparison, dim, n_classes, memory, settings)
    if not also:
        return first
    others = []
    for part in also:
        own = dict(part)
        if "loss" not in own:
            raise ConfigError(f"every loss under `also` needs its name as `loss`; got {own}.")
        weight = float(own.pop("weight", 1.0))
        others.append((weight, build(own.pop("loss"), comparison, dim=dim, n_classes=n_classes, **own)))
    return WeightedSum([(1.0, first), *others])


def _one(
    name: str, comparison: nn.Module, dim: int, n_classes: int, memory: int, settings: dict[str, Any]
) -> nn.Module:
    if name not in NAMES:
        raise ConfigError(f"loss {name!r} is unknown. Known: {', '.join(sorted(NAMES))}.")
    if memory and name not in LOSSES:
        raise ConfigError(f"the {name} loss compares with class vectors, not with other items: it takes no memory.")
    if memory and not dim:
        raise ConfigError("a memory keeps embeddings: give dim.")
    if name in PROXY_LOSSES and not (dim and n_classes):
        raise ConfigError(
            f"the {name} loss keeps a vector for every class: give dim and n_classes. "
            "Next: for data without a fixed set of identities use supcon."
        )
    try:
        if name == "cross_entropy":
            return CrossEntropy(dim, n_classes, **settings)
        loss = PROXY_LOSSES[name](dim, n_classes, **settings) if name in PROXY_LOSSES else None
        loss = loss or LOSSES[name](comparison, **settings)
    except TypeError as error:
        raise ConfigError(f"the {name} loss does not take these settings, {settings}: {error}") from error
    return CrossBatchMemory(loss, int(memory), dim=dim) if memory else loss
