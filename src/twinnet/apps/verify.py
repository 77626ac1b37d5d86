"""Two items: the same or different?"""

from __future__ import annotations

from twinnet.core.types import Decision, Item
from twinnet.model import Model


def verify(model: Model, a: Item, b: Item) -> Decision:
    """One decision. Raises UnreadableItem for an item that cannot be decoded, NotCalibrated without a threshold."""
    return model.verify(a, b)
