"""A sheet with the boxes that were found on it, numbered in reading order: to see at a glance what went wrong."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from twinnet.apps.handwriting.cut import Sheet
from twinnet.core.types import Image

_COLOURS = ("#0072b2", "#d55e00", "#009e73")  # by line, in turn; told apart by all eyes (Okabe & Ito 2008)
_MOST_PX = 1400


def drawn(sheet: Sheet) -> Image:
    """The sheet `(H, W, 3)` with a box and a number around each character; large sheets are reduced."""
    height, width = sheet.picture.shape[:2]
    scale = min(1.0, _MOST_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Pillow.fromarray(sheet.picture[:, :, 0]).resize(size, Pillow.Resampling.BILINEAR).convert("RGB")
    pen = ImageDraw.Draw(picture)
    stroke = max(1, round(max(size) / 600))
    for number, cut in enumerate(sheet.cuts, 1):
        left, top, right, bottom = (round(side * scale) for side in cut.box)
        colour = _COLOURS[cut.row % len(_COLOURS)]
        box = (left - stroke, top - stroke, right + stroke - 1, bottom + stroke - 1)
        pen.rectangle(box, outline=colour, width=stroke)
        pen.text((left, max(0, top - 11 - stroke)), str(number), fill=colour)
    return np.asarray(picture)
