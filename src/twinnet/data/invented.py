"""Invented characters: an endless data set that ships as code.

An identity is a few random strokes: smooth curves, some beginning on an earlier stroke, some closed. An item is another
drawing of it: every control point moved a little, slanted, sheared, stretched, with another pen. Nobody ever wrote any
of them, yet twins that learn to tell them apart also tell real handwriting apart, because what they learn is how one
hand's drawing of one shape varies.

Identity i is a function of the seed and i alone, so there is no end of them and nothing is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.core.seeds import stream
from twinnet.core.types import IntArray

_STROKES, _CONTROLS, _POINTS = 3, 6, 48  # most strokes of a character, control points and drawn points of a stroke
_CANVAS = 32  # pixels; drawings are made on it and reduced to the asked resolution


@dataclass(frozen=True, slots=True)
class InventedCharacters:
    """How characters are invented and drawn. Amounts are standard deviations as fractions of the character's size."""

    seed: int = 0
    resolution: int = 32
    jitter: float = 0.045
    slant: float = 0.22
    rotation: float = 0.10
    stretch: float = 0.16
    pen: tuple[float, float] = (0.04, 0.09)
    aspect: tuple[float, float] = (0.5, 1.0)  # width by height, of identities
    counts: tuple[float, float, float] = (0.45, 0.4, 0.15)  # chances of one, two, three strokes
    curved: float = 0.6  # share of strokes that turn smoothly; the others are angular

    def draw(self, identities: IntArray, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """A new drawing of each identity `(B,)` → `(B, resolution, resolution, 1)` uint8, bright ink on black."""
        distinct, inverse = np.unique(identities, return_inverse=True)
        shapes = np.stack([self._invent(int(i)) for i in distinct])[inverse]  # (B, S, C, 2)
        moved = self._redraw(shapes, rng)
        pen = rng.uniform(*self.pen, len(moved))
        images = _render(torch.from_numpy(moved).float(), torch.from_numpy(pen).float())
        small = functional.adaptive_avg_pool2d(images[:, None], self.resolution)[:, 0]
        return np.asarray((small * 255).round().to(torch.uint8).numpy()[..., None])

    def _invent(self, identity: int) -> npt.NDArray[np.float64]:
        """Control points `(S, C, 2)` in [0, 1]²; a stroke that is not there is NaN."""
        rng = stream(self.seed, "identity", identity)
        shape = np.full((_STROKES, _CONTROLS, 2), np.nan)
        for s in range(rng.choice([1, 2, 3], p=self.counts)):
            points = self._stroke(rng)
            if s and rng.random() < 0.7:  # begins on an earlier stroke
                points += shape[rng.integers(s), rng.integers(_CONTROLS)] - points[0]
            shape[s] = points
        low, high = np.nanmin(shape, (0, 1)), np.nanmax(shape, (0, 1))
        width = rng.uniform(*self.aspect)
        return np.asarray((shape - (low + high) / 2) / np.maximum(high - low, 0.25) * [width, 1.0])

    def _stroke(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Control points `(C, 2)`: a path that turns smoothly, or one that jumps."""
        if rng.random() < self.curved:
            turn = rng.normal(0, 0.9) + rng.normal(0, 0.5, _CONTROLS - 1)
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turn)
            steps = rng.uniform(0.2, 0.5, (_CONTROLS - 1, 1)) * np.stack([np.cos(heading), np.sin(heading)], 1)
            points = np.concatenate([rng.uniform(0, 1, (1, 2)), steps]).cumsum(0)
        else:
            corners = rng.uniform(0, 1, (rng.integers(2, 5), 2))
            at = np.linspace(0, len(corners) - 1, _CONTROLS)
            points = np.stack([np.interp(at, np.arange(len(corners)), corners[:, i]) for i in range(2)], 1)
        if rng.random() < 0.25:  # closed: a loop
            points += np.linspace(0, 1, _CONTROLS)[:, None] * (points[0] - points[-1])
        return points

    def _redraw(self, shapes: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
        n = len(shapes)
        points = shapes + rng.normal(0, self.jitter, shapes.shape)
        points = points + rng.normal(0, self.jitter, (n, _STROKES, 1, 2))  # whole strokes slip too
        angle = rng.normal(0, self.rotation, n)
        slant = rng.normal(0, self.slant, n)
        sx, sy = np.exp(rng.normal(0, self.stretch, (2, n)))
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.stack(
            [np.stack([cos * sx, (slant * cos - sin) * sy], 1), np.stack([sin * sx, (slant * sin + cos) * sy], 1)], 1
        )
        return np.asarray(np.einsum("nij,nscj->nsci", matrix, points))


def _curve(points: Tensor) -> Tensor:
    """Catmull-Rom curves (Catmull & Rom 1974) through control points `(B, S, C, 2)` → `(B, S·P, 2)`."""
    padded = torch.cat(
        [2 * points[:, :, :1] - points[:, :, 1:2], points, 2 * points[:, :, -1:] - points[:, :, -2:-1]], 2
    )
    spans = _CONTROLS - 1
    position = torch.linspace(0, spans - 1e-4, _POINTS)
    k, t = position.long(), position.frac()[:, None]
    a, b, c, d = (padded[:, :, k + i] for i in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _render(points: Tensor, pen: Tensor) -> Tensor:
    """Control points `(B, S, C, 2)` and pen radii `(B,)` → images `(B, canvas, canvas)` in [0, 1].

    Ink is a Gaussian pen moved along the curve. A Gaussian is separable, so the sum over points is one matrix product.
    """
    curve = _curve(points)  # (B, S, P, 2)
    there = ~curve[..., 0].isnan()
    low = torch.where(there[..., None], curve, torch.inf).amin((1, 2), keepdim=True)
    high = torch.where(there[..., None], curve, -torch.inf).amax((1, 2), keepdim=True)
    # Fill the canvas in height; a wide character is narrowed until it fits.
    size = (high - low).clamp(min=0.25)
    radius = pen[:, None, None, None]
    scale = (1 - 2.6 * radius) / torch.cat([torch.maximum(size[..., :1], size[..., 1:]), size[..., 1:]], -1)
    curve = (curve - (low + high) / 2) * scale + 0.5
    length = functional.pad((curve[:, :, 1:] - curve[:, :, :-1]).norm(dim=-1), (0, 1))  # (B, S, P)
    weight = torch.where(there, length, 0.0).flatten(1)
    flat = torch.nan_to_num(curve).flatten(1, 2)  # (B, S·P, 2)
    centre = (torch.arange(_CANVAS) + 0.5) / _CANVAS
    wide = 2 * (pen[:, None, None] / 1.2) ** 2
    x = torch.exp(-((centre - flat[..., :1]) ** 2) / wide)  # (B, S·P, canvas)
    y = torch.exp(-((centre - flat[..., 1:]) ** 2) / wide)
    ink = (y * weight[..., None]).transpose(1, 2) @ x  # (B, canvas, canvas)
    along = ink / (pen[:, None, None] / 1.2 * (2 * torch.pi) ** 0.5)  # 1 on a straight line's middle
    image: Tensor = ((along - 0.35) / 0.3).clamp(0, 1)
    return image
