"""Pictures nobody took: surfaces and shapes that cover one another, to learn from where there are no photographs.

Dead leaves (shapes of all sizes that hide one another; Lee, Mumford & Huang 2001) with noise of natural spectra on them
teach filters nearly as photographs do (Baradad et al. 2021).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.core.types import Image

Plane = npt.NDArray[np.float32]


def invented_picture(rng: np.random.Generator, side: int = 256) -> Image:
    """One picture `(side, side, 3)`: a ground, and 20 to 120 leaves on it, the last ones on top."""
    picture = _surface(side, side, rng)
    smallest = rng.uniform(0.015, 0.06)
    for _ in range(int(rng.integers(20, 120))):
        radius = side * min(0.4, smallest * rng.random() ** -0.6)  # many small ones, few large
        _lay(picture, radius, rng)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def _lay(picture: Plane, radius: float, rng: np.random.Generator) -> None:
    """Cover a place with a textured shape, in place."""
    side = len(picture)
    reach = int(radius * 1.5) + 2
    cx, cy = rng.uniform(0, side, 2)
    left, right = max(0, int(cx) - reach), min(side, int(cx) + reach)
    top, below = max(0, int(cy) - reach), min(side, int(cy) + reach)
    if right - left < 3 or below - top < 3:
        return
    y, x = np.mgrid[top:below, left:right].astype(np.float32)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.25, 1)
    u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / radius
    v = (-(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)) / (radius * stretch)
    power = float(rng.choice([1.0, 2.0, 4.0, 12.0]))  # a diamond, an ellipse, a rounded and a plain rectangle
    inside = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
    mask = np.clip((1 - inside) * radius * stretch + 0.5, 0, 1)[..., None]  # an edge one pixel wide
    if rng.random() < 0.15:
        mask = mask * (inside > rng.uniform(0.5, 0.9))[..., None]  # a frame or a ring
    filled = _surface(below - top, right - left, rng)
    shade = 1 + rng.uniform(-0.4, 0.4) * u[..., None]
    picture[top:below, left:right] += mask * (filled * shade - picture[top:below, left:right])


def _surface(height: int, width: int, rng: np.random.Generator) -> Plane:
    """A colour with noise, stripes, checks or nothing on it, `(H, W, 3)` in about [0, 1]."""
    colour, other = _colour(rng), _colour(rng)
    kind = rng.random()
    if kind < 0.45:
        mix = _noise(height, width, rng) * rng.uniform(0.2, 1)
    elif kind < 0.7:
        y, x = np.mgrid[:height, :width].astype(np.float32)
        turn, pitch = rng.uniform(0, np.pi), rng.uniform(3, 24)
        wave = np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / pitch + rng.uniform(0, 6))
        if kind > 0.6:
            wave = wave * np.sin((-x * np.sin(turn) + y * np.cos(turn)) * 2 * np.pi / pitch)
        mix = 0.5 + 0.5 * np.clip(wave * rng.uniform(1, 8), -1, 1)
    else:
        mix = np.zeros((height, width), np.float32)
    surface = colour + (other - colour) * np.asarray(mix, np.float32)[..., None]
    if rng.random() < 0.5:
        surface = surface + rng.uniform(0.02, 0.15) * (_noise(height, width, rng)[..., None] - 0.5)
    return np.asarray(surface, np.float32)


def _colour(rng: np.random.Generator) -> Plane:
    """Mostly dull, as most things are."""
    grey, tint = rng.uniform(0.02, 1), rng.normal(0, rng.choice([0.03, 0.1, 0.3]), 3)
    return np.clip(grey + tint, 0, 1).astype(np.float32)


def _noise(height: int, width: int, rng: np.random.Generator) -> Plane:
    """Noise whose amplitude falls as frequency^-a, a between 0.5 and 1.8 (natural pictures: about 1), in [0, 1]."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falls = np.maximum(np.hypot(fy, fx), 1 / max(height, width)) ** -rng.uniform(0.5, 1.8)
    phases = np.exp(2j * np.pi * rng.random(falls.shape))
    field = np.fft.irfft2(falls * phases, s=(height, width))
    low, high = np.quantile(field, [0.02, 0.98])
    return np.asarray(np.clip((field - low) / max(high - low, 1e-9), 0, 1), np.float32)
