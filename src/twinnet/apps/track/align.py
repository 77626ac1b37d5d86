"""Where exactly, and how large: the template is slid and stretched onto the embedding until the two agree best.

Lucas & Kanade's alignment in its inverse form (Baker & Matthews 2004), on embeddings instead of brightness. The
template's own slopes say how a small shift or stretch would change it. Places that do not agree (ground, or something
in front) count less.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from twinnet.apps.track.views import Seen
from twinnet.core.types import FloatArray


def take(seen: Seen, centre: FloatArray, size: FloatArray, grid: tuple[int, int]) -> Tensor:
    """Places `(D, rows, columns)` that divide the box evenly."""
    pitch = size / np.array(grid[::-1])
    found = seen.window(centre, pitch, *grid)[0]
    return torch.nn.functional.normalize(found, dim=0)


def agreement(template: Tensor, found: Tensor, weight: Tensor) -> float:
    """Weighted mean cosine; 1 − this is the distance."""
    return float(((template * found).sum(0) * weight).sum() / weight.sum())


def align(
    template: Tensor,
    weight: Tensor,
    seen: Seen,
    centre: FloatArray,
    size: FloatArray,
    *,
    damping: float,
    stiffness: float,
    steps: int = 5,
) -> tuple[FloatArray, FloatArray, float]:
    """Centre and size where the template `(D, r, c)` agrees best, beginning at those given → centre, size, agreement.

    `damping`: how strongly a change of size is held back, `stiffness`: how much more a change of aspect is.
    """
    rows, columns = template.shape[-2:]
    padded = torch.nn.functional.pad(template[None], (1, 1, 1, 1), mode="replicate")[0]
    gx = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    gy = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    x = (torch.arange(columns) - (columns - 1) / 2)[None, :]
    y = (torch.arange(rows) - (rows - 1) / 2)[:, None]
    # Shift in x, in y; relative stretch in x, in y: derivatives with respect to each, (4, D, r, c).
    slopes = torch.stack([gx, gy, gx * x, gy * y])
    best = (centre, size, -1.0)
    start = size
    for _ in range(steps + 1):
        found = take(seen, centre, size, (rows, columns))
        difference = found - template
        alike = (template * found).sum(0)
        value = float((alike * weight).sum() / weight.sum())
        if value > best[2]:
            best = (centre, size, value)
        counts = weight * alike.clamp(min=0) ** 2
        weighted = slopes * counts
        h = torch.einsum("adij,bdij->ab", weighted, slopes).double().numpy()
        g = torch.einsum("adij,dij->a", weighted, difference).double().numpy()
        # Sizes change slowly, and aspects more slowly still.
        common, aspect = damping * np.trace(h[2:, 2:]) / 2 * np.array([1.0, stiffness])
        prior = common * np.array([[0.5, 0.5], [0.5, 0.5]]) + aspect * np.array([[0.5, -0.5], [-0.5, 0.5]])
        h[2:, 2:] += prior
        g[2:] += prior @ np.log(size / start)
        p = np.linalg.solve(h + 1e-6 * np.trace(h) * np.eye(4), -g)
        cell = size / np.array([columns, rows])
        centre = centre + p[:2] * cell
        size = size * np.exp(np.clip(p[2:], -0.1, 0.1))
        if np.abs(p[:2]).max() < 0.02 and np.abs(p[2:]).max() < 0.002:
            break
    return best
