"""Two looks at one description of a picture: a network's, and a linear map's. One embedding of both."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.encoders.described import Described
from twinnet.encoders.embed import Embedder


class Beside(nn.Module):
    """`(B, C, H, W)` → `(B, dim)` of length 1: a network over the planes of `Described`, and a map of their summary.

    Each part has length 1 and is weighed by the root of its `share`, so that the cosine of two embeddings is the
    weighed mean of the parts' cosines. Without a network the map is all. `centre` and `spread` are of the planes that
    taught the network.
    """

    share: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, network: Embedder | None, description: Described, mapped: int) -> None:
        super().__init__()
        self.network = network
        self.description = description
        self.fc = nn.Linear(description.numbers, mapped)
        self.dim = mapped + (network.dim if network else 0)
        self.register_buffer("share", torch.tensor(0.5))  # of the network
        self.register_buffer("centre", torch.zeros(description.planes))
        self.register_buffer("spread", torch.ones(description.planes))

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b dim"]:
        """Embed a batch, float32 also under autocast."""
        planes = self.description(images)  # (B, C, H, W) -> (B, P, 16, 16)
        mapped = functional.normalize(self.fc(self.description.summary(planes)).float(), dim=1)
        if self.network is None:
            return mapped
        learned = self.network(self.scaled(planes)).float()
        return torch.cat([self.share.sqrt() * learned, (1 - self.share).sqrt() * mapped], 1)

    def scaled(self, planes: Float[Tensor, "b p h w"]) -> Float[Tensor, "b p h w"]:
        """As the network takes them."""
        return (planes - self.centre[:, None, None]) / self.spread[:, None, None]
