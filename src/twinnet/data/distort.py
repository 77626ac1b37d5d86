"""Pictures made worse on purpose, in five steps: what a camera, a scanner or a crooked hand may do to a probe.

A picture, a kind, a step, a seed and the item's number give the same pixels every time; the steps of one item worsen
in one direction (it turns left at every step, or right at every step). Images are `(H, W, C)` uint8, as decoded.
The five-step design follows Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness"; the levels are ours.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter

from twinnet.core.errors import ConfigError
from twinnet.core.seeds import stream
from twinnet.core.types import Image
from twinnet.data.geometry import border_median

Generator = np.random.Generator
STEPS = 5
GREY = 127  # what hides a place: neither paper nor ink

LEVELS: dict[str, tuple[float, ...]] = {
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),  # share of the range added, or taken away
    "contrast": (0.75, 0.55, 0.4, 0.25, 0.12),  # what is left of each deviation from the mean
    "noise": (0.04, 0.08, 0.14, 0.22, 0.32),  # standard deviation as a share of the range
    "blur": (0.006, 0.012, 0.02, 0.032, 0.05),  # standard deviation as a share of the shorter side
    "rotation": (5, 10, 20, 30, 45),  # degrees, either way
    "scale": (1.1, 1.2, 1.35, 1.55, 1.8),  # larger or smaller by this factor
    "shift": (0.04, 0.08, 0.13, 0.19, 0.26),  # share of the side, in any direction
    "occlusion": (0.03, 0.07, 0.13, 0.21, 0.31),  # share of the area under a grey square
    "jpeg": (50, 30, 18, 10, 5),  # quality
}


def distort(image: Image, kind: str, step: int, *, seed: int = 0, item: int = 0) -> Image:
    """`image` worsened by `kind` at `step` 1 … 5; what comes into view at a border has the border's median colour.

    Raises ConfigError for an unknown kind or step.
    """
    if kind not in LEVELS:
        raise ConfigError(f"distortion {kind!r} is unknown. Known: {', '.join(LEVELS)}.")
    if step not in range(1, STEPS + 1):
        raise ConfigError(f"a distortion has the steps 1 … {STEPS}; got {step}.")
    # Without the step among the names: one direction for all steps, so that each is worse than the one before.
    rng = stream(seed, "distort", kind, item)
    return _DISTORTIONS[kind](image, LEVELS[kind][step - 1], rng)


def _brightness(image: Image, share: float, rng: Generator) -> Image:
    return _pixels(image + rng.choice((-1, 1)) * share * 255)


def _contrast(image: Image, left: float, rng: Generator) -> Image:
    mean = image.mean()
    return _pixels(mean + (image - mean) * left)


def _noise(image: Image, share: float, rng: Generator) -> Image:
    return _pixels(image + rng.normal(0, share * 255, image.shape))


def _blur(image: Image, share: float, rng: Generator) -> Image:
    sigma = share * min(image.shape[:2])
    return _pixels(gaussian_filter(image.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def _rotation(image: Image, degrees: float, rng: Generator) -> Image:
    angle = np.deg2rad(rng.choice((-1, 1)) * degrees)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return _warp(image, np.array([[cos, -sin], [sin, cos]]), np.zeros(2))


def _scale(image: Image, factor: float, rng: Generator) -> Image:
    back = factor if rng.random() < 0.5 else 1 / factor
    return _warp(image, np.diag([back, back]), np.zeros(2))


def _shift(image: Image, share: float, rng: Generator) -> Image:
    angle = rng.uniform(0, 2 * np.pi)
    height, width = image.shape[:2]
    return _warp(image, np.eye(2), share * np.array([width * np.cos(angle), height * np.sin(angle)]))


def _occlusion(image: Image, share: float, rng: Generator) -> Image:
    height, width = image.shape[:2]
    h, w = (max(1, round(side * share**0.5)) for side in (height, width))
    # The centre stays where it is while the square grows, as far as the picture's edges let it.
    y, x = rng.random(2)
    top = int(np.clip(round(y * height - h / 2), 0, height - h))
    left = int(np.clip(round(x * width - w / 2), 0, width - w))
    hidden = image.copy()
    hidden[top : top + h, left : left + w] = GREY
    return hidden


def _jpeg(image: Image, quality: float, rng: Generator) -> Image:
    buffer = io.BytesIO()
    _pillow(image).save(buffer, "JPEG", quality=int(quality))
    with Pillow.open(buffer, formats=("JPEG",)) as again:
        return _array(again)


_DISTORTIONS: dict[str, Callable[[Image, float, Generator], Image]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "noise": _noise,
    "blur": _blur,
    "rotation": _rotation,
    "scale": _scale,
    "shift": _shift,
    "occlusion": _occlusion,
    "jpeg": _jpeg,
}


def _warp(image: Image, back: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]) -> Image:
    """About the centre: the place p of the result shows the place `back @ p + offset` of the image, in pixels."""
    height, width = image.shape[:2]
    centre = np.array([width / 2, height / 2])
    (a, b), (d, e) = back
    c, f = centre - back @ centre + offset
    fill = tuple(int(value) for value in border_median(image))
    picture = _pillow(image).transform(
        (width, height), Pillow.Transform.AFFINE, (a, b, c, d, e, f), Pillow.Resampling.BILINEAR, fillcolor=fill
    )
    return _array(picture)


def _pixels(values: npt.NDArray[np.float64]) -> Image:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _pillow(image: Image) -> Pillow.Image:
    return Pillow.fromarray(np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image))


def _array(picture: Any) -> Image:
    pixels = np.asarray(picture)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
