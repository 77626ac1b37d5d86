"""Every target's template against its own search window, all in one grouped correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional

from twinnet.core.types import FloatArray

_FINER = 4  # answers are read between the cells, at a quarter of one


def correlate(windows: Tensor, filters: Sequence[Tensor]) -> Tensor:
    """Windows `(T, D, N, M)` and filters `(D, kᵢ, lᵢ)` of odd sides → answers `(T, N, M)`.

    A grouped convolution with a group for each target, made of products of spectra: with filters so large and only one
    channel to answer with, that takes a tenth of the time. Filters of different sizes are filled up with zeros.
    """
    rows, columns = max(f.shape[1] for f in filters), max(f.shape[2] for f in filters)
    filled = [functional.pad(f, _both((columns - f.shape[2]) // 2) + _both((rows - f.shape[1]) // 2)) for f in filters]
    n, m = windows.shape[-2:]
    size = next_fast_len(n + rows // 2, real=True), next_fast_len(m + columns // 2, real=True)  # room: none comes round
    product = torch.fft.rfft2(windows, s=size) * torch.fft.rfft2(torch.stack(filled), s=size).conj()
    answers = torch.fft.irfft2(product.sum(1), s=size)  # (T, ·, ·), the filters' first corners at the places
    at_middles: Tensor = answers.roll((rows // 2, columns // 2), (1, 2))[:, :n, :m]
    return at_middles


def fade(side: int, strength: float) -> Tensor:
    """The cosine window `(N, N)`: 1 in the middle, 1 − strength at the corners."""
    line = torch.hann_window(side + 2, periodic=False)[1:-1]
    return 1 - strength + strength * line[:, None] * line[None, :]


def peak(answers: Tensor) -> FloatArray:
    """Where answers `(N, M)` are largest, in cells from the middle: x, y, read on a four times finer grid."""
    finer = functional.interpolate(answers[None, None], scale_factor=_FINER, mode="bicubic", align_corners=False)[0, 0]
    row, column = divmod(int(finer.argmax()), finer.shape[1])
    at = (np.array([column, row]) + 0.5) / _FINER - 0.5
    return np.asarray(at - (np.array(answers.shape[::-1]) - 1) / 2)


def runner_up(answers: Tensor, at: FloatArray, apart: tuple[int, int]) -> float:
    """The largest answer more than `apart` rows and columns away from the place `at` (cells from the middle)."""
    rows, columns = answers.shape
    column, row = (round(float(a) + (size - 1) / 2) for a, size in zip(at, (columns, rows), strict=True))
    rest = answers.clone()
    rest[max(0, row - apart[0]) : row + apart[0] + 1, max(0, column - apart[1]) : column + apart[1] + 1] = -torch.inf
    return float(rest.max())


def peaks(answers: Tensor, n: int, apart: tuple[int, int]) -> list[FloatArray]:
    """The `n` largest answers of `(N, M)` that are no neighbours, in cells from the first: x, y."""
    rest, found = answers.clone(), []
    for _ in range(n):
        row, column = divmod(int(rest.argmax()), rest.shape[1])
        if not torch.isfinite(rest[row, column]):
            break
        found.append(np.array([column, row], np.float64))
        top, left = max(0, row - apart[0]), max(0, column - apart[1])
        rest[top : row + apart[0] + 1, left : column + apart[1] + 1] = -torch.inf
    return found


def _both(n: int) -> tuple[int, int]:
    return n, n
