"""What `signatures.py` compares twinnet with: a SigNet-like network, HOG, and dynamic time warping of profiles."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from twinnet.apps.signatures.line import breadth, one_breadth
from twinnet.data import Dataset
from twinnet.data.ink import lift


def signet(
    images: np.ndarray, writer: np.ndarray, genuine: np.ndarray, seconds: float, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Dey et al. 2017 at a quarter of its widths, trained on pairs with the contrastive loss for so much CPU time.

    Half of a batch are genuine pairs; of the others two in three are genuine–forged, the rest two writers' genuine.
    Gives `(N, H, W)` → Euclidean distances `(N, N)`.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def conv(a: int, b: int, size: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(a, b, size, stride, size // 2), nn.BatchNorm2d(b), nn.ReLU()]

    net = nn.Sequential(
        *conv(1, 24, 11, 2), nn.MaxPool2d(2), *conv(24, 64, 5), nn.MaxPool2d(2), nn.Dropout(0.3),
        *conv(64, 96, 3), *conv(96, 64, 3), nn.MaxPool2d(2), nn.Dropout(0.3), nn.Flatten(),
        nn.LazyLinear(256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 32),
    )  # fmt: skip
    scale = float(images.std())

    def tensor(rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(rows[:, None].astype(np.float32) / scale)

    net(tensor(images[:2]))
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=5e-4)
    own = {w: np.flatnonzero((writer == w) & genuine) for w in np.unique(writer)}
    forged = {w: np.flatnonzero((writer == w) & ~genuine) for w in own}
    names = list(own)
    started = time.process_time()
    while (spent := time.process_time() - started) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - 0.95 * spent / seconds)
        first, second, same = [], [], []
        for i in range(48):
            w, other = rng.choice(len(names), 2, replace=False)
            a, b = rng.choice(own[names[w]], 2, replace=False)
            if i % 2:
                b = rng.choice(forged[names[w]] if i % 3 and len(forged[names[w]]) else own[names[other]])
            first, second, same = [*first, a], [*second, b], [*same, i % 2 == 0]
        x = net(tensor(images[np.array(first + second)]))
        d = (x[:48] - x[48:]).norm(dim=1)
        genuine_pair = torch.tensor(same)
        loss = torch.where(genuine_pair, d**2, functional.relu(1 - d) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()

    def distance(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.cat([net(tensor(images[i : i + 128])) for i in range(0, len(images), 128)])
            return torch.cdist(x, x).numpy()

    return distance


def hog_distance(images: np.ndarray) -> np.ndarray:
    """1 − cosine of scikit-image's HOG, 8 directions in cells of 8 × 8: `(N, H, W)` → `(N, N)`."""
    from skimage.feature import hog

    found = np.array([hog(image / 255.0, 8, (8, 8), (2, 2)) for image in images])
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return np.maximum(1 - found @ found.T, 0)


def dtw(images: np.ndarray, wanted: np.ndarray, band: int = 12) -> np.ndarray:
    """Dynamic time warping of projection, upper and lower contour, `(N, H, W)` → `(N, N)` where wanted, 0 elsewhere.

    After Sakoe & Chiba 1978, with their band; each profile has mean 0 and deviation 1 over all pictures.
    """
    ink = images > 40
    height = images.shape[1]
    top = np.where(ink.any(1), ink.argmax(1), height / 2)
    bottom = np.where(ink.any(1), height - 1 - ink[:, ::-1].argmax(1), height / 2)
    profiles = np.stack([images.sum(1) / 255.0, top, bottom], axis=2).astype(np.float64)  # (N, W, 3)
    profiles = (profiles - profiles.mean((0, 1))) / profiles.std((0, 1))
    first, second = np.nonzero(np.triu(wanted, 1))
    a, b = profiles[first], profiles[second]  # (P, W, 3)
    width = a.shape[1]
    row = np.full((len(first), width + 1), np.inf)
    row[:, 0] = 0
    for i in range(1, width + 1):
        low, high = max(1, i - band), min(width, i + band)
        new = np.full_like(row, np.inf)
        cost = ((a[:, i - 1 : i] - b[:, low - 1 : high]) ** 2).sum(2)
        for j in range(low, high + 1):
            new[:, j] = cost[:, j - low] + np.minimum(np.minimum(row[:, j], row[:, j - 1]), new[:, j - 1])
        row = new
    out = np.zeros(wanted.shape)
    out[first, second] = out[second, first] = np.sqrt(row[:, width] / width)
    return out


def darkness_of(data: Dataset) -> np.ndarray:
    """Logarithm of how dark the ink is, Σx²/Σx of what `data.ink.lift` finds, `(N,)`."""
    levels = []
    for i in range(len(data)):
        image = data.read(i)
        x = lift(image if image.shape[2] == 1 else image.mean(2, keepdims=True).astype(np.uint8)).astype(np.float64)
        levels.append((x**2).sum() / max(x.sum(), 1e-9))
    return np.log(np.array(levels) + 1e-6)


def breadth_of(pictures: np.ndarray) -> np.ndarray:
    """Logarithm of how broad the strokes are, as a share of the picture's height, `(N,)`."""
    return np.log([max(breadth(picture[:, :, 0]), 0.1) / picture.shape[0] for picture in pictures])


def drawn_again(pictures: np.ndarray) -> np.ndarray:
    """Every line by a pen of the same breadth, `(N, H, W, 1)` uint8 → the same shape."""
    room = (len(one_breadth(pictures[0, :, :, 0])) - pictures.shape[1]) // 2
    inner = (one_breadth(picture[:, :, 0])[room:-room, room:-room] for picture in pictures)
    return np.array([np.rint(160 * line).astype(np.uint8)[:, :, None] for line in inner])
