"""Pictures inside a page: small enough that two dozen of them leave it light."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST_PX = 160


def data_uri(image: npt.NDArray[np.uint8], longest_px: int = LONGEST_PX) -> str:
    """`(H, W, C)` uint8 with a longer side of at most `longest_px`, as PNG or JPEG, whichever is shorter."""
    pixels = image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    longest = max(picture.size)
    if longest > longest_px:
        width, height = (max(1, round(side * longest_px / longest)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    encoded = {}
    for kind, options in (("PNG", {"optimize": True}), ("JPEG", {"quality": 80})):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        encoded[kind] = buffer.getvalue()
    # A few pixels of a drawing must stay the pixels they are: JPEG only where it is much shorter.
    kind = "JPEG" if 2 * len(encoded["JPEG"]) < len(encoded["PNG"]) else "PNG"
    return f"data:image/{kind.lower()};base64," + base64.b64encode(encoded[kind]).decode()
