"""The one dict that knows the losses' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.losses.bce import BCE
from twinnet.losses.contrastive import Contrastive
from twinnet.losses.supcon import SupCon
from twinnet.losses.triplet import Triplet

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "contrastive": Contrastive,
    "triplet": Triplet,
    "bce": BCE,
    "supcon": SupCon,
}


def build(name: str, comparison: nn.Module, **settings: Any) -> nn.Module:
    """A loss on this comparison; `settings` are its own (margin, temperature …)."""
    if name not in LOSSES:
        raise ConfigError(f"loss {name!r} is unknown. Known: {', '.join(sorted(LOSSES))}.")
    return LOSSES[name](comparison, **settings)
