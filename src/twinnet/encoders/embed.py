"""Trunk → pooling → dropout → fully connected embedding: what every image encoder here has in common."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Embedder(nn.Module):
    """An image encoder: a convolutional trunk whose feature map becomes one embedding.

    The map is averaged onto a `grid` × `grid` raster, which is what makes any input size fit one fully connected layer;
    a grid above 1 keeps where things are, which drawings need. `normalise` puts embeddings on the unit sphere.
    """

    def __init__(self, trunk: nn.Module, channels: int, dim: int, grid: int, dropout: float, normalise: bool) -> None:
        super().__init__()
        self.trunk = trunk
        self.grid = grid
        self.pool = ToGrid(grid)
        self.dim = dim
        self.normalise = normalise
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels * grid * grid, dim)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b dim"]:
        """Embed a batch `(B, C, H, W)` → `(B, dim)`, float32 also under autocast."""
        features = self.trunk(images)  # (B, C', H', W')
        pooled = self.pool(features)  # (B, C', grid, grid)
        embedding: Tensor = self.fc(self.dropout(pooled.flatten(1))).float()  # (B, dim)
        return functional.normalize(embedding, dim=1) if self.normalise else embedding


class ToGrid(nn.AdaptiveAvgPool2d):
    """`(B, C, H, W)` → `(B, C, grid, grid)` by averaging; torch averages at some cost even what has that size."""

    def forward(self, input: Tensor) -> Tensor:
        """Average, if there is anything to average."""
        return input if tuple(input.shape[-2:]) == (self.output_size, self.output_size) else super().forward(input)


def conv(channels_in: int, channels_out: int, size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: `(B, channels_in, H, W)` → `(B, channels_out, H/stride, W/stride)`."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def half() -> nn.Module:
    """Max pooling that halves the map but never to nothing, so small images pass deep trunks."""
    return nn.MaxPool2d(2, ceil_mode=True)
