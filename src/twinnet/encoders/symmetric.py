"""Convolutions that share weights among the four turns and the mirror images: the group p4m (Cohen & Welling 2016).

What a corner looks like need be learned once, not once for each way it may point. Channels come in fields of eight, one
number for each way of looking (`WAYS`); where the picture is turned, the map turns with it and a field's eight numbers
change places. Nothing is thrown away: a `d` and a `p` still have different maps. To the machine each of these is an
ordinary convolution whose kernels are copied from an eighth of the weights, so a step takes as long as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

WAYS = [(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]


def turned(image: npt.NDArray[Any], way: int) -> npt.NDArray[Any]:
    """The last two dimensions mirrored or not, then turned by quarters."""
    mirrored, quarters = WAYS[way]
    return np.rot90(image[..., ::-1] if mirrored else image, quarters, (-2, -1))


def places_of_ways(way: int) -> list[int]:
    """Where a field's numbers come from when the picture is seen `way`: number `w` was number `result[w]`."""
    marks = np.arange(9).reshape(3, 3)
    seen = {turned(turned(marks, other), way).tobytes(): other for other in range(len(WAYS))}
    return [seen[turned(marks, w).tobytes()] for w in range(len(WAYS))]


class SymmetricConv(nn.Module):
    """`(B, channels_in, H, W)` → `(B, channels_out, H/stride, W/stride)`, in fields; the `first` takes pictures.

    To halve, `size` is even, and so is the picture's: an odd kernel would look at other pixels once all is turned.
    """

    def __init__(
        self, channels_in: int, channels_out: int, size: int, stride: int = 1, first: bool = False, bias: bool = False
    ) -> None:
        super().__init__()
        ways = len(WAYS)
        self.size, self.stride, self.padding = size, stride, (size - stride + 1) // 2
        self.seen = 1 if first else ways
        self.fields_in, self.fields_out = channels_in // self.seen, channels_out // ways
        self.weight = nn.Parameter(torch.empty(self.fields_out, self.fields_in, self.seen * size**2))
        # He et al. 2015, as for the convolution that it unfolds to.
        nn.init.normal_(self.weight, std=(2 / (channels_out * size**2)) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(self.fields_out)) if bias else None
        own = np.arange(self.seen * size**2).reshape(self.seen, size, size)
        # Plain numbers, no buffer: a model is read into a network built without memory, where a buffer had no content.
        rows = [turned(own if first else own[places_of_ways(way)], way) for way in range(ways)]
        self._rows: list[int] = np.stack(rows).flatten().tolist()

    def kernels(self) -> Tensor:
        """The ordinary convolution's: `(channels_out, channels_in, size, size)`."""
        # Rows of fields are copied, not single numbers: quicker by as much as they are long.
        rows = torch.tensor(self._rows, device=self.weight.device)
        by_row = self.weight.permute(2, 0, 1).flatten(1).index_select(0, rows)
        each = by_row.view(len(WAYS), self.seen, self.size, self.size, self.fields_out, self.fields_in)
        # Channels last in memory, which CPUs prefer; of a 1-channel picture only the kernel's strides say so.
        return each.permute(4, 0, 2, 3, 5, 1).flatten(4, 5).flatten(0, 1).permute(0, 3, 1, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve."""
        short = self.size - 2 * self.padding - min(images.shape[-2:])
        if short > 0:  # a picture of a pixel or so
            images = functional.pad(images, (0, short, 0, short))
        bias = None if self.bias is None else self.bias.repeat_interleave(len(WAYS))
        return functional.conv2d(images, self.kernels(), bias, self.stride, self.padding)


class SymmetricNorm(nn.Module):
    """Batch normalisation `(B, channels, H, W)` with one scale and shift for a field."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels // len(WAYS),), scale))
        self.bias = nn.Parameter(torch.zeros(channels // len(WAYS)))
        # A mean for each number all the same, which is quicker. Where turned pictures are as frequent as upright ones
        # the eight are nearly equal; where they are not, a map turns with its picture only nearly.
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        scale, shift = (p.repeat_interleave(len(WAYS)) for p in (self.weight, self.bias))
        return functional.batch_norm(x, self.running_mean, self.running_var, scale, shift, self.training)  # type: ignore[arg-type]
