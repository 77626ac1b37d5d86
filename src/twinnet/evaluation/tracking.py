"""How well boxes follow a thing: success, precision, failures. NumPy only; boxes are x, y, width, height in pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twinnet.core.errors import DataError
from twinnet.core.types import BoolArray, FloatArray

PROTOCOL = "one-pass tracking"
THRESHOLDS = np.linspace(0, 1, 21)
"""Overlaps at which success is read (OTB, Wu et al. 2013)."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Figures of one sequence. `overlaps (T,)`, NaN where the truth shows nothing; the frame given is left out."""

    auc: float
    precision: float
    normalised_precision: float
    overlaps: FloatArray
    centre_errors_px: FloatArray


def overlap(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of boxes `(T, 4)` and `(T, 4)`; 0 where either has no area, NaN where one is NaN."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), 1)
    area = np.prod(np.clip(a[:, 2:], 0, None), 1) + np.prod(np.clip(b[:, 2:], 0, None), 1) - shared
    return np.asarray(np.where(area > 0, shared / np.where(area > 0, area, 1), area * 0))


def centre_errors(a: FloatArray, b: FloatArray) -> FloatArray:
    """Distances of the centres `(T,)`, in pixels."""
    return np.asarray(np.hypot(*((a[:, :2] + a[:, 2:] / 2) - (b[:, :2] + b[:, 2:] / 2)).T))


def success(overlaps: FloatArray) -> FloatArray:
    """Share of frames with an overlap above each of `THRESHOLDS`, `(21,)`; its mean is the AUC."""
    known = overlaps[np.isfinite(overlaps)]
    return np.asarray((known[:, None] > THRESHOLDS).mean(0))


def one_pass(boxes: FloatArray, truth: FloatArray) -> Followed:
    """Boxes that a tracker gave after one start, against the truth, `(T, 4)` each; the first frame was given to it.

    Frames whose truth is NaN or without area (the thing is not there) do not count. Precision: share of centres within
    20 px. Normalised precision: area under the share of centres within r widths and heights of the truth, r from 0 to
    0.5, of its largest possible value (TrackingNet, Müller et al. 2018). Raises DataError where there is nothing to
    judge.
    """
    if boxes.shape != truth.shape:
        raise DataError(f"{len(boxes):,} boxes and {len(truth):,} lines of truth. Next: give one line per frame.")
    there: BoolArray = np.asarray(np.isfinite(truth).all(1) & (truth[:, 2:] > 0).all(1))
    there[:1] = False
    if not there.any():
        raise DataError("no frame after the first has a box, so there is nothing to judge. Next: check the truth file.")
    found = np.where(np.isfinite(boxes), boxes, 0)  # a tracker that says nothing is wrong there, not excused
    overlaps = np.where(there, overlap(found, np.where(there[:, None], truth, 0)), np.nan)
    errors = np.where(there, centre_errors(found, truth), np.nan)
    errors[there & ~np.isfinite(boxes).all(1)] = np.inf
    off = (found[there, :2] + found[there, 2:] / 2 - truth[there, :2] - truth[there, 2:] / 2) / truth[there, 2:]
    radii = np.linspace(0, 0.5, 51)
    normalised = np.hypot(*off.T)
    normalised[~np.isfinite(boxes[there]).all(1)] = np.inf
    return Followed(
        float(success(overlaps).mean()), float((errors[there] <= 20).mean()),
        float((normalised[:, None] <= radii).mean()), overlaps, errors,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restarts:
    """`failures`: how often a box missed the truth altogether; `accuracy`: mean overlap between restarts."""

    failures: int
    accuracy: float


_WAIT = 5  # frames from a failure to the new start
_BURN_IN = 10  # frames after a start that do not count, because they flatter


def with_restarts(start: Callable[[int], Callable[[int], FloatArray]], truth: FloatArray) -> Restarts:
    """VOT's supervised protocol (Kristan et al. 2013): after an overlap of zero, start again five frames later.

    `start(n)` begins at frame n with the true box and gives a function: frame → box, called in order.
    """
    n, failures, counted, since = 0, 0, [], 0
    step = start(0)
    while (n := n + 1) < len(truth):
        box = step(n)
        if not np.isfinite(truth[n]).all():
            continue
        shared = float(overlap(np.nan_to_num(box)[None], truth[n][None])[0])
        if shared > 0:
            if since == 0 or n - since >= _BURN_IN:
                counted.append(shared)
            continue
        failures += 1
        later = [k for k in range(n + _WAIT, len(truth)) if np.isfinite(truth[k]).all()]
        if not later:
            break
        n = since = later[0]
        step = start(n)
    return Restarts(failures, float(np.mean(counted)) if counted else 0.0)
