"""Augmentation on whole batches of tensors: one warp for rotation, scale, shear, shift and elastic, then light."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twinnet.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Augment:
    """How far each item may be changed, drawn evenly from ± the amount; 0 switches a change off.

    Angles in degrees; scale, shear and shift as fractions of the side; elastic as the standard deviation of a smooth
    displacement, as a fraction of the side; brightness and contrast as fractions of the value range.
    """

    rotation_deg: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < (181 if name == "rotation_deg" else 1.0001):
                raise ConfigError(f"augmentation {name} = {value} is out of range.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """`(B, C, H, W)` float → the same shape, each item changed in its own way; new places repeat the border."""
        return self._light(self._warp(images, generator), generator)

    def _warp(self, images: Tensor, generator: torch.Generator) -> Tensor:
        n = len(images)

        def even(amount: float) -> Tensor:
            return (torch.rand(n, generator=generator) * 2 - 1) * amount

        angle = even(math.radians(self.rotation_deg))
        # Scales are drawn in the logarithm: half as large is as likely as twice as large.
        x_scale, y_scale = torch.exp(even(self.scale)), torch.exp(even(self.scale))
        shear, x_shift, y_shift = even(self.shear), even(2 * self.shift), even(2 * self.shift)
        flip = torch.where(even(1.0) > 0, 1.0, -1.0) if self.flip else torch.ones(n)
        cos, sin = torch.cos(angle), torch.sin(angle)
        matrix = torch.stack(
            [
                torch.stack([cos * x_scale * flip, (shear * cos - sin) * y_scale, x_shift], 1),
                torch.stack([sin * x_scale * flip, (shear * sin + cos) * y_scale, y_shift], 1),
            ],
            1,
        )  # (B, 2, 3)
        grid = functional.affine_grid(matrix.to(images.device), list(images.shape), align_corners=False)  # (B, H, W, 2)
        if self.elastic:
            grid = grid + self._displacement(images, generator)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _displacement(self, images: Tensor, generator: torch.Generator) -> Tensor:
        # A coarse field of noise, smoothly enlarged: the elastic deformation of Simard, Steinkraus & Platt (2003)
        # without its wide convolution.
        coarse = torch.randn(len(images), 2, 5, 5, generator=generator) * (2 * self.elastic)
        field = functional.interpolate(
            coarse.to(images.device), size=images.shape[2:], mode="bicubic", align_corners=True
        )
        return field.permute(0, 2, 3, 1)  # (B, 2, H, W) -> (B, H, W, 2)

    def _light(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not (self.brightness or self.contrast):
            return images
        size = (len(images), 1, 1, 1)
        contrast = 1 + (torch.rand(size, generator=generator) * 2 - 1) * self.contrast
        brightness = (torch.rand(size, generator=generator) * 2 - 1) * self.brightness
        mean = images.mean((1, 2, 3), keepdim=True)
        return (images - mean) * contrast.to(images.device) + mean + brightness.to(images.device)


AUGMENTS: dict[str, Augment] = {
    "none": Augment(),
    "drawing": Augment(rotation_deg=17, scale=0.2, shear=0.2, shift=0.08, elastic=0.02),
    "photo": Augment(rotation_deg=10, scale=0.12, shear=0.05, shift=0.06, brightness=0.15, contrast=0.3, flip=True),
    "document": Augment(rotation_deg=5, scale=0.1, shear=0.1, shift=0.05, elastic=0.01, brightness=0.1, contrast=0.2),
}
"""Amounts for kinds of images; `photo` mirrors, drawings never do: a mirrored letter is another letter."""
