"""Both sides through one encoder, in one call.

Sharing is what makes the two branches identical: there is one module, one set of parameters, and it never learns on
which side an input stood. So distance(a, b) = distance(b, a), and an item is at distance zero from itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def embed_both(encoder: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two batches `(B, C, H, W)` → two batches of embeddings `(B, D)`, by the same weights.

    One call on 2B, not two on B: batch normalisation must see both sides with the same statistics while training, and
    one large pass is quicker than two small ones.
    """
    both: Tensor = encoder(torch.cat([first, second]))  # (2B, C, H, W) -> (2B, D)
    return both[: len(first)], both[len(first) :]
