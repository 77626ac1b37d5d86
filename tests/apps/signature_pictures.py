"""Signatures drawn by the tests: each writer a curve of his own, each forger nearly that curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def drawn(writer: int, item: int, *, forged: bool = False, ink: int = 60, paper: int = 245) -> np.ndarray:
    """`(72, 160, 1)` uint8."""
    own = np.random.default_rng([writer, 1])
    rng = np.random.default_rng([writer, item, forged])
    points = np.cumsum(own.normal(0, 1, (14, 2)), axis=0) + rng.normal(0, 0.7 if forged else 0.1, (14, 2))
    points[:, 0] += np.arange(14) * 0.8
    points = (points - points.min(0)) / np.ptp(points, axis=0) * [120, 44] + [18, 12]
    picture = Image.new("L", (160, 72), paper)
    ImageDraw.Draw(picture).line([tuple(p) for p in points], fill=ink, width=3, joint="curve")
    grain = rng.normal(0, 2, (72, 160))
    return np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)[:, :, None]


def write_folder(root: Path, writers: int, genuine: int = 6, forged: int = 2, first: int = 0) -> Path:
    """WRITER/genuine/*.png and WRITER/forged/*.png; without forgeries WRITER/*.png."""
    for writer in range(first, first + writers):
        for kind, n in (("genuine", genuine), ("forged", forged)):
            folder = root / f"w{writer:02d}" / kind if forged else root / f"w{writer:02d}"
            for i in range(n):
                folder.mkdir(parents=True, exist_ok=True)
                # Forgers here have another pen, as real ones had.
                image = drawn(writer, i, forged=kind == "forged", ink=20 if kind == "forged" else 90)
                Image.fromarray(image[:, :, 0]).save(folder / f"{i}.png")
    return root
