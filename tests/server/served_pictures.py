from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def png(image: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind, **options)
    return out.getvalue()
