"""Show what is measured of a signature."""

from __future__ import annotations

from twinnet.apps.signatures.measure import PREPROCESS
from twinnet.core.errors import UnreadableItem
from twinnet.core.types import Image, Item
from twinnet.data import Preprocess
from twinnet.data.decode import decode


def clean(item: Item, preprocess: Preprocess | None = None) -> Image:
    """`(height, width, 1)` uint8, bright ink on black, by a model's own preprocessing or the default's.

    Raises UnreadableItem for what is no picture, or has no ink on it.
    """
    seen = (preprocess or PREPROCESS).apply(decode(item))
    if not seen.any():
        name = "picture" if not isinstance(item, str) and not hasattr(item, "name") else str(item)
        raise UnreadableItem(name, "no ink was found on it. Next: scan it with more contrast")
    return seen
