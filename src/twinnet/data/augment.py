"""Augmentation on whole batches of tensors: one warp for rotation, scale, shear, shift and elastic, then light."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twinnet.core.errors import ConfigError

_COARSE = 5  # points by side of the field of noise that bends an image


@dataclass(frozen=True, slots=True)
class Augment:
    """How far each item may be changed, drawn evenly from ± the amount; 0 switches a change off.

    Angles in degrees; scale, shear and shift as fractions of the side; elastic as the standard deviation of a smooth
    displacement, as a fraction of the side; brightness and contrast as fractions of the value range. `stroke` makes
    bright lines thicker or thinner by up to this share of what one pixel more or less on each side would do. `marker`
    is the share of items whose bright lines become thick and soft, as of a felt pen, or of a picture of few pixels.
    `hue` turns colours around the grey axis by up to this share of half a turn, `saturation` makes them stronger or
    weaker by up to this share; grey pictures stay as they are. `identity` changes all items of an identity alike, by a
    matrix 1 + N(0, identity²): a slanted or wider character is another one, so there are more of them to learn from.
    """

    rotation_deg: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    stroke: float = 0.0
    marker: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    identity: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < (181 if name == "rotation_deg" else 1.0001):
                raise ConfigError(f"augmentation {name} = {value} is out of range.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    def __call__(self, images: Tensor, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """`(B, C, H, W)` float → the same shape, each item changed in its own way; new places repeat the border.

        `labels (B,)` are the identities, where they are known: without them `identity` does nothing.
        """
        warped = self._warp(images, generator, labels)
        lines = self._marker(self._stroke(warped, generator), generator)
        return self._light(self._colour(lines, generator), generator)

    def _warp(self, images: Tensor, generator: torch.Generator, labels: Tensor | None) -> Tensor:
        n = len(images)

        def even(amount: float) -> Tensor:
            return (torch.rand(n, generator=generator) * 2 - 1) * amount

        angle = even(math.radians(self.rotation_deg))
        # Scales are drawn in the logarithm: half as large is as likely as twice as large.
        x_scale, y_scale = torch.exp(even(self.scale)), torch.exp(even(self.scale))
        shear, x_shift, y_shift = even(self.shear), even(2 * self.shift), even(2 * self.shift)
        flip = torch.where(even(1.0) > 0, 1.0, -1.0) if self.flip else torch.ones(n)
        cos, sin = torch.cos(angle), torch.sin(angle)
        height, width = images.shape[2:]
        long = width / height  # angles are those of the picture, and x and y below run over ±1 whatever its shape
        coefficients = torch.stack(
            [
                torch.stack([cos * x_scale * flip, (shear * cos - sin) * y_scale / long, x_shift], 1),
                torch.stack([sin * x_scale * flip * long, (shear * sin + cos) * y_scale, y_shift], 1),
            ],
            1,
        )  # (B, 2, 3)
        if self.elastic:
            # A coarse field of noise, smoothly enlarged: the elastic deformation of Simard, Steinkraus & Platt (2003)
            # without its wide convolution.
            coarse = torch.randn(n, 2, _COARSE * _COARSE, generator=generator) * (2 * self.elastic)
            coefficients = torch.cat([coefficients, coarse], 2)  # (B, 2, 3 + 25)
        if self.identity and labels is not None:
            found, of = torch.unique(labels.cpu(), return_inverse=True)
            each = torch.eye(2) + self.identity * torch.randn(len(found), 2, 2, generator=generator)
            coefficients = each[of] @ coefficients
        basis = _basis(height, width, bool(self.elastic), images.device)  # (3 or 28, H·W)
        # Where each pixel comes from is linear in the coefficients, so one product gives the whole batch's grid: a
        # tenth of the time of building the affine grid, enlarging the noise and adding the two.
        grid = (coefficients.to(images.device).flatten(0, 1) @ basis).view(n, 2, height, width)
        return functional.grid_sample(images, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)

    def _stroke(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not self.stroke:
            return images
        share = ((torch.rand(len(images), generator=generator) * 2 - 1) * self.stroke).to(images.device)
        share = share[:, None, None, None]
        thick = functional.max_pool2d(images, 3, stride=1, padding=1)
        thin = -functional.max_pool2d(-images, 3, stride=1, padding=1)
        return torch.lerp(images, torch.where(share > 0, thick, thin), share.abs())

    def _marker(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not self.marker:
            return images
        chosen = torch.rand(len(images), generator=generator) < self.marker
        grown = 2 * torch.rand(int(chosen.sum()), 1, 1, 1, generator=generator).to(images.device)  # pixels on each side
        soft = torch.rand(grown.shape, generator=generator).to(images.device)
        lines = images[chosen]
        for step in (grown.clamp(max=1), (grown - 1).clamp(min=0)):
            lines = torch.lerp(lines, functional.max_pool2d(lines, 3, stride=1, padding=1), step)
        blurred = lines
        for _ in range(2):
            blurred = functional.avg_pool2d(blurred, 3, stride=1, padding=1, count_include_pad=False)
        out = images.clone()
        out[chosen] = torch.lerp(lines, blurred, soft)
        return out

    def _colour(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not (self.hue or self.saturation) or images.shape[1] != 3:
            return images
        turn = (torch.rand(len(images), 1, 1, generator=generator) * 2 - 1) * (self.hue * math.pi)
        strength = 1 + (torch.rand(len(images), 1, 1, generator=generator) * 2 - 1) * self.saturation
        grey = torch.full((3, 3), 1 / 3)
        across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        # Rodrigues' rotation about (1, 1, 1): what lies along grey stays, what lies across it turns and stretches.
        matrix = grey + strength * (torch.cos(turn) * (torch.eye(3) - grey) + torch.sin(turn) * across)  # (B, 3, 3)
        return torch.einsum("bij,bjhw->bihw", matrix.to(images), images)

    def _light(self, images: Tensor, generator: torch.Generator) -> Tensor:
        if not (self.brightness or self.contrast):
            return images
        size = (len(images), 1, 1, 1)
        contrast = 1 + (torch.rand(size, generator=generator) * 2 - 1) * self.contrast
        brightness = (torch.rand(size, generator=generator) * 2 - 1) * self.brightness
        mean = images.mean((1, 2, 3), keepdim=True)
        return (images - mean) * contrast.to(images.device) + mean + brightness.to(images.device)


@lru_cache(maxsize=8)
def _basis(height: int, width: int, elastic: bool, device: torch.device) -> Tensor:
    """What the coefficients of a warp multiply, `(3, H·W)`: x, y and 1; elastic: also 25 bicubic bumps, `(28, H·W)`."""
    x, y = ((2 * torch.arange(n) + 1) / n - 1 for n in (width, height))  # pixel centres in (−1, 1)
    planes = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)])
    if elastic:
        points = torch.eye(_COARSE * _COARSE).view(-1, 1, _COARSE, _COARSE)
        bumps = functional.interpolate(points, size=(height, width), mode="bicubic", align_corners=True)
        planes = torch.cat([planes, bumps[:, 0]])  # (28, H, W)
    return planes.flatten(1).to(device)


AUGMENTS: dict[str, Augment] = {
    "none": Augment(),
    "drawing": Augment(rotation_deg=17, scale=0.2, shear=0.2, shift=0.08, elastic=0.02),
    "characters": Augment(rotation_deg=17, scale=0.2, shear=0.2, shift=0.08, elastic=0.02, identity=0.2),
    "handwriting": Augment(rotation_deg=17, scale=0.2, shear=0.2, shift=0.08, elastic=0.02, identity=0.2, marker=0.25),
    "photo": Augment(rotation_deg=10, scale=0.12, shear=0.05, shift=0.06, brightness=0.15, contrast=0.3, flip=True),
    "faces": Augment(rotation_deg=13, scale=0.17, shear=0.05, shift=0.06, brightness=0.6, contrast=0.5, flip=True),
    "signature": Augment(rotation_deg=6, scale=0.1, shear=0.1, shift=0.04, elastic=0.012, stroke=0.5),
    "retrieval": Augment(
        rotation_deg=10, scale=0.12, shear=0.05, shift=0.06, brightness=0.1, contrast=0.3, hue=0.1, saturation=0.3
    ),
    "described": Augment(rotation_deg=10, scale=0.12, shift=0.06),
    "document": Augment(rotation_deg=5, scale=0.1, shear=0.1, shift=0.05, elastic=0.01, brightness=0.1, contrast=0.2),
}
"""Amounts for kinds of images; `photo` mirrors, drawings never do: a mirrored letter is another letter."""
