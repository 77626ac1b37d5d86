"""Forgeries for a folder that has none: a genuine signature drawn again with a trembling hand and other proportions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from twinnet.apps.signatures.layout import Signatures
from twinnet.core.errors import UnreadableItem
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, Image
from twinnet.data.geometry import grey

BEND = 0.06
"""Standard deviation of the slow bending, as a share of the shorter side: letters of other sizes, in other places."""
TREMOR = 0.006
"""Standard deviation of the quick wavering, as a share of the shorter side."""


def redrawn(image: Image, rng: np.random.Generator) -> Image:
    """`(H, W, 1 or 3)` → `(H, W, 1)` uint8, as somebody might copy it who looks at it but has not its movement."""
    picture = grey(image)[:, :, 0].astype(np.float32)
    side = min(picture.shape)
    moved = [
        place
        + _smooth(picture.shape, side / 3, BEND * side, rng)
        + _smooth(picture.shape, side / 25, TREMOR * side, rng)
        for place in np.indices(picture.shape, dtype=np.float32)
    ]
    bent = map_coordinates(picture, moved, order=1, mode="nearest")
    return np.asarray(np.rint(np.clip(bent, 0, 255)), np.uint8)[:, :, None]


def with_forgeries(known: Signatures, *, seed: int = 0) -> Signatures:
    """The same signatures, and one redrawn copy of each as a forgery; unreadable pictures have none."""
    data, labels = known.data, known.data.labels()
    items, keys, origin = list(data.items), list(data.keys), list(range(len(data)))
    for i in range(len(data)):
        try:
            image = data.read(i)
        except UnreadableItem:
            continue  # whoever loads the pictures counts and lists it
        items.append(redrawn(image, stream(seed, "forgery", data.keys[i])))
        keys.append(f"{data.keys[i]} (redrawn)")
        origin.append(i)
    rows = np.array(origin)
    genuine = np.arange(len(rows)) < len(data)
    identities = np.where(genuine, labels[rows], labels[rows] + len(data.identity_names))
    names = (*data.identity_names, *(f"{name} (redrawn)" for name in data.identity_names))
    both = replace(
        data, items=tuple(items), keys=tuple(keys), identities=identities, identity_names=names,
        groups=known.writers[rows], sessions=None,
    )  # fmt: skip
    return Signatures(both, genuine)


def _smooth(shape: tuple[int, ...], width: float, amount: float, rng: np.random.Generator) -> FloatArray:
    noise = gaussian_filter(rng.standard_normal(shape).astype(np.float32), width, mode="reflect")
    return np.asarray(noise * (amount / max(float(noise.std()), 1e-9)), np.float64)
