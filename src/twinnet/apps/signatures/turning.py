"""How a line turns: the directions and bends of a signature as histograms, wherever its strokes happen to stand.

The edge-hinge features of writer identification (Bulacu & Schomaker 2007, "Text-independent writer identification and
verification using textural and allographic features"), on outlines of one breadth, so that the pen has no part in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from twinnet.apps.signatures.line import Outline
from twinnet.core.types import FloatArray

PLACED = (4, 16, 12)
"""Bins of place from left to right, of direction, and of the bend within `MIDDLE_PX`."""
FINE = (12, 10, 10)
"""Bins of direction, of the bend within `SHORT_PX` and of the bend within `LONG_PX`."""
SHORT_PX, MIDDLE_PX, LONG_PX = 4, 10, 20

_LEAST_PX = 60  # an outline shorter than that is a dot, or too short to bend
_SPREAD = 4.0  # standard deviations of the ink that the places from left to right cover


def turning(outlines: Sequence[Outline]) -> tuple[FloatArray, FloatArray]:
    """Roots of two histograms, of `PLACED` `(768,)` and of `FINE` `(1200,)`: their dot product is Bhattacharyya's."""
    long = [line for line in outlines if len(line) >= _LEAST_PX]
    if not long:
        return tuple(np.full(n, n**-0.5) for n in (int(np.prod(PLACED)), int(np.prod(FINE))))  # type: ignore[return-value]
    every = np.concatenate(list(outlines))
    middle, spread = every[:, 0].mean(), max(float(every[:, 0].std()), 1e-6)
    place = np.concatenate([(line[:, 0] - middle) / (spread * _SPREAD) + 0.5 for line in long])
    direction = np.concatenate([_direction(line, MIDDLE_PX) for line in long])
    short, bend, far = (np.concatenate([_bend(line, leg) for line in long]) for leg in (SHORT_PX, MIDDLE_PX, LONG_PX))
    placed = _histogram((place, direction, bend), PLACED, (False, True, False))
    fine = _histogram((direction, short, far), FINE, (True, False, False))
    return np.sqrt(placed), np.sqrt(fine)


def _direction(line: Outline, leg: int) -> FloatArray:
    back = line - np.roll(line, leg, axis=0)
    return np.mod(np.arctan2(back[:, 1], back[:, 0]) / (2 * np.pi), 1)


def _bend(line: Outline, leg: int) -> FloatArray:
    """The angle between the legs before and after each place, 0.5 where it is straight on, `(K,)` in [0, 1]."""
    back, on = line - np.roll(line, leg, axis=0), np.roll(line, -leg, axis=0) - line
    across = back[:, 0] * on[:, 1] - back[:, 1] * on[:, 0]
    return np.asarray(np.arctan2(across, (back * on).sum(axis=1)) / (2 * np.pi) + 0.5)


def _histogram(columns: Sequence[FloatArray], bins: Sequence[int], round_about: Sequence[bool]) -> FloatArray:
    """Shares `(∏ bins,)`; each value is shared linearly between two bins, so that a small change makes a small one."""
    low, over = [], []
    for values, n in zip(columns, bins, strict=True):
        at = np.clip(values, 0, np.nextafter(1, 0)) * n
        low.append(np.floor(at).astype(np.int64))
        over.append(at - low[-1])
    out = np.zeros(int(np.prod(bins)))
    for corner in product((0, 1), repeat=len(bins)):
        weight, at = np.ones(len(columns[0])), np.zeros(len(columns[0]), np.int64)
        for place, share, n, step, closed in zip(low, over, bins, corner, round_about, strict=True):
            weight = weight * (share if step else 1 - share)
            at = at * n + ((place + step) % n if closed else np.minimum(place + step, n - 1))
        out += np.bincount(at, weight, minlength=len(out))
    return np.asarray(out / out.sum())
