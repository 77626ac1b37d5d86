"""Which regions of both pictures drive the verdict: hide one at a time and see how the distance moves.

Occlusion (Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks"), on the pair: it asks nothing
of the network but its distances, so it explains every encoder and comparison alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Decision, FloatArray, Image, Item
from twinnet.data.decode import decode
from twinnet.engine import Embeddings, Twins

_BATCH = 128
PATCHES = (4, 6)
"""Sides of the hidden patches, as the picture's shorter side divided by these."""
OVERLAP = 3
"""A patch moves by its side divided by this."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, both pictures as the network sees them `(H, W, C)`, and the effect of each of their places `(H, W)`.

    An effect is the mean change of the distance when a patch over this place is hidden. Above 0, the place makes the
    two alike (without it they are further apart); below 0, it sets them apart.
    """

    decision: Decision
    pictures: tuple[Image, Image]
    effects: tuple[FloatArray, FloatArray]


def explain(model: Twins, a: Item, b: Item, *, progress: Progress = SILENT) -> Explanation:
    """Explain `model.verify(a, b)`. Raises UnreadableItem for an item that cannot be decoded, NotCalibrated."""
    rule = model.known_rule
    left, right = (model.preprocess.apply(decode(item)) for item in (a, b))
    embedded = [model.embed_images(picture[None]) for picture in (left, right)]  # (1, D) each
    distance = float(model.paired(embedded[0], embedded[1])[0])
    effects = (
        _effect(model, left, embedded[1], distance, progress),
        _effect(model, right, embedded[0], distance, progress),
    )
    return Explanation(rule.decide(distance), (left, right), effects)


def hide(picture: Image, mask: npt.NDArray[np.bool_]) -> Image:
    """The picture with the places of `mask (H, W)` painted in its median colour: paper for ink, skin for a face."""
    if mask.shape != picture.shape[:2]:
        raise ConfigError(f"a mask of {mask.shape} does not fit a picture of {picture.shape[:2]}.")
    hidden = picture.copy()
    hidden[mask] = np.median(picture.reshape(-1, picture.shape[2]), axis=0).astype(np.uint8)
    return hidden


def _effect(model: Twins, picture: Image, other: Embeddings, distance: float, progress: Progress) -> FloatArray:
    height, width = picture.shape[:2]
    windows = list(_windows(height, width))
    total, covered = np.zeros((height, width)), np.zeros((height, width))
    with progress.task("hiding regions", len(windows)) as task:
        for start in range(0, len(windows), _BATCH):
            some = windows[start : start + _BATCH]
            hidden = np.stack([hide(picture, _mask(height, width, window)) for window in some])  # (B, H, W, C)
            moved = model.paired(model.embed_images(hidden), np.repeat(other, len(some), axis=0)) - distance
            for window, change in zip(some, moved, strict=True):
                total[window] += change
                covered[window] += 1
            task.advance(len(some))
    return total / covered


def _windows(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Patches of several sizes that together cover every place, those at the border too."""
    for share in PATCHES:
        side = max(1, min(height, width) // share)
        step = max(1, side // OVERLAP)
        for top in range(step - side, height, step):
            for left in range(step - side, width, step):
                yield slice(max(0, top), top + side), slice(max(0, left), left + side)


def _mask(height: int, width: int, window: tuple[slice, slice]) -> npt.NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    mask[window] = True
    return mask
