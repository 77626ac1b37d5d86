"""Copies altered in known ways: what calibration and the benchmark call the same picture."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image as Pillow
from PIL import ImageDraw, ImageEnhance, ImageFont

from twinnet.core.errors import ConfigError
from twinnet.core.types import Image


def alter(image: Image, kind: str, rng: Generator) -> Image:
    """A copy of `(H, W, C)` altered by one of `KINDS`, by an amount drawn from `rng`. Raises ConfigError."""
    if kind not in KINDS:
        raise ConfigError(f"alteration {kind!r} is unknown. Known: {', '.join(KINDS)}.")
    flat = Pillow.fromarray(np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image))
    pixels = np.asarray(KINDS[kind](flat, rng))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _resize(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2))))
    return image.resize((max(8, round(image.width * factor)), max(8, round(image.height * factor))))


def _jpeg(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(30, 91)))
    with Pillow.open(buffer, formats=("JPEG",)) as again:
        again.load()
        return again.copy()


def _crop(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    """One share of 5 to 20 % is lost of each side, anywhere."""
    lost = rng.uniform(0.05, 0.2)
    width, height = (max(1, round(side * (1 - lost))) for side in image.size)
    left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _rotate(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    angle = float(rng.uniform(1, 5) * rng.choice((-1, 1)))
    corner = image.getpixel((0, 0))
    return image.rotate(angle, Pillow.Resampling.BILINEAR, fillcolor=corner)


def _brightness(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    return ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.7, 1.3)))


def _grey(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    return image.convert("L")


def _text(image: Pillow.Image, rng: Generator) -> Pillow.Image:
    """One line across it, a tenth of the height, black on white or white on black."""
    written = image.copy()
    draw = ImageDraw.Draw(written)
    size = max(6, round(image.height * 0.1))
    top = float(rng.uniform(0, image.height - size))
    ink, paper = (255, 0) if rng.random() < 0.5 else (0, 255)
    colours = [value if image.mode == "L" else (value,) * 3 for value in (ink, paper)]
    draw.rectangle((0, top, image.width * 0.7, top + size), fill=colours[1])
    draw.text((2, top), "a line of text", fill=colours[0], font=ImageFont.load_default(size * 0.8))
    return written


KINDS: dict[str, Callable[[Pillow.Image, Generator], Pillow.Image]] = {
    "resize": _resize,
    "jpeg": _jpeg,
    "crop": _crop,
    "rotate": _rotate,
    "brightness": _brightness,
    "grey": _grey,
    "text": _text,
}
"""Each alone; a mirrored picture is another picture."""
