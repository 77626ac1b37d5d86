"""A map of items: one point each, a picture and a name on hover or by arrow keys, some pictures always in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray
from twinnet.page.pictures import data_uri

WIDTH, HEIGHT, EDGE = 900, 560, 34
THUMBNAIL_PX = 44
COLOURS = ("#0a66c2", "#c2410c", "#15803d", "#7c3aed", "#a16207", "#be185d", "#0e7490", "#4b5563", "#65a30d", "#9f1239")


@dataclass(frozen=True, slots=True)
class ItemMap:
    """Positions `(N, 2)`, and for each item its picture `(H, W, C)`, its name, and the number of its identity.

    `colour (N,)` numbers a colour, or −1 for none; `legend` names the colours. `alt` says what the map shows.
    """

    places: FloatArray
    images: Sequence[npt.NDArray[np.uint8]]
    names: Sequence[str]
    identity: Sequence[int]
    colour: Sequence[int]
    legend: Sequence[str]
    alt: str
    caption: str


def drawn(item_map: ItemMap) -> dict[str, Any]:
    """What the template writes: points in the drawing's units, thumbnails, and which of them are always shown."""
    low, high = item_map.places.min(0), item_map.places.max(0)
    room = np.array([WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE])
    xy = np.round(EDGE + (item_map.places - low) / np.maximum(high - low, 1e-12) * room, 1)
    sources = [data_uri(image, 2 * THUMBNAIL_PX) for image in item_map.images]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "size": THUMBNAIL_PX,
        "alt": item_map.alt,
        "caption": item_map.caption,
        "legend": [(name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(item_map.legend)],
        "points": [
            {"x": float(x), "y": float(y), "fill": COLOURS[c % len(COLOURS)] if c >= 0 else "currentColor"}
            for (x, y), c in zip(xy, item_map.colour, strict=True)
        ],
        "shown": [{"x": float(xy[i][0]), "y": float(xy[i][1]), "source": sources[i]} for i in _apart(xy)],
        "items": [
            {"name": name, "identity": int(who), "source": source}
            for name, who, source in zip(item_map.names, item_map.identity, sources, strict=True)
        ],
    }


def _apart(xy: FloatArray, most: int = 40) -> list[int]:
    """Points in order whose thumbnails would not touch."""
    chosen: list[int] = []
    for i, place in enumerate(xy):
        if all(np.abs(place - xy[j]).max() > THUMBNAIL_PX + 4 for j in chosen):
            chosen.append(i)
            if len(chosen) == most:
                break
    return chosen
