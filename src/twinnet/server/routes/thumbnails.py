"""Small pictures for a contact sheet, drawn anew: nothing of an enrolled file but its pixels goes out."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow

from twinnet.data.decode import decode

_PX = 240


def thumbnail(content: bytes) -> bytes:
    """An enrolled file as a JPEG of at most 240 pixels a side. Raises UnreadableItem."""
    pixels = decode(content, name="picture")
    small = Pillow.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
    small.thumbnail((_PX, _PX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82)
    return out.getvalue()
