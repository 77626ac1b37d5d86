"""Trunk → one 1×1 convolution → an embedding that is a map: what a drawing has at each place, and nothing about where.

A fully connected layer has weights of its own for every place, which it learns from the classes it sees. Here all
places share them: fewer to learn, and what a stroke's end looks like is learned wherever one occurs. On characters of
alphabets that it never saw it errs a tenth to a fifth less (docs/omniglot.md).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.encoders.embed import ToGrid


class MapEmbedder(nn.Module):
    """An image encoder whose embedding is the trunk's map, `dim / grid²` numbers at each of `grid` × `grid` places.

    With `normalise` the whole of it has length 1: a place with long numbers counts for more than one with short ones,
    which the network may use for places without ink. `each` is the 1×1 convolution.
    """

    def __init__(self, trunk: nn.Module, each: nn.Module, dim: int, grid: int, dropout: float, normalise: bool) -> None:
        super().__init__()
        self.trunk = trunk
        self.grid = grid
        self.pool = ToGrid(grid)
        self.dim = dim
        self.normalise = normalise
        self.dropout = nn.Dropout(dropout)
        self.each = each

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b dim"]:
        """Embed a batch `(B, C, H, W)` → `(B, dim)`, float32 also under autocast; a place's numbers lie together."""
        places: Tensor = self.each(self.dropout(self.pool(self.trunk(images)))).float()  # (B, dim/grid², grid, grid)
        embedding = places.permute(0, 2, 3, 1).flatten(1)  # (B, dim)
        return functional.normalize(embedding, dim=1) if self.normalise else embedding
