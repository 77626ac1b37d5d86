"""From a face in a picture to a small square picture of it, eyes and mouth always at the same places."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from twinnet.apps.faces.face import Face
from twinnet.core.errors import ConfigError
from twinnet.core.types import FloatArray, Image

SIZE_PX = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where the five landmarks stand in a crop of 112 × 112 pixels: the places that ArcFace models expect (Deng et al.
2019), so that the same crops serve a pre-trained one.
"""
MARGIN = 0.25
"""What a crop without landmarks keeps around the box, on each side, as a fraction of the box's longer side."""


def crop(image: Image, face: Face, *, size_px: int = SIZE_PX) -> Image:
    """`(H, W, C)` → `(size_px, size_px, C)` uint8: turned, scaled and moved so that the landmarks meet `TEMPLATE`.

    Without landmarks the box is cut out with `MARGIN`, unturned. What lies beyond the border is black.
    """
    if not 16 <= size_px <= 1024:
        raise ConfigError(f"a crop has 16 to 1024 pixels on a side, not {size_px}.")
    to_crop = _by_landmarks(face.landmarks, size_px) if face.landmarks is not None else _by_box(face, size_px)
    return _sampled(image, to_crop, size_px)


Similarity = tuple[complex, complex]  # a, b of z ↦ a z + b, with x + iy for a point: |a| scales, its angle turns


def _by_landmarks(points: FloatArray, size_px: int) -> Similarity:
    """The similarity transform with the least squared error (Umeyama 1991), which in the plane is a regression of
    complex numbers.
    """
    z, w = (p[:, 0] + 1j * p[:, 1] for p in (points, TEMPLATE * (size_px / 112)))  # (5,), (5,)
    off = z - z.mean()
    spread = float((np.abs(off) ** 2).sum())
    a = complex((off.conj() * (w - w.mean())).sum() / spread) if spread > 1e-6 else 1.0 + 0j
    return a, complex(w.mean() - a * z.mean())


def _by_box(face: Face, size_px: int) -> Similarity:
    box = face.box
    side = max(box.width, box.height, 1.0) * (1 + 2 * MARGIN)
    a = complex(size_px / side)
    centre = complex(box.left + box.width / 2, box.top + box.height / 2)
    return a, complex(size_px / 2, size_px / 2) - a * centre


def _sampled(image: Image, to_crop: Similarity, size_px: int) -> Image:
    """Look up, for every pixel of the crop, the place in the picture that goes there."""
    a, b = to_crop
    back, offset = 1 / a, -b / a  # crop → picture
    corners = np.array([offset + back * complex(x, y) for x in (0, size_px) for y in (0, size_px)])
    height, width = image.shape[:2]
    left, right = _span(corners.real, width)
    top, bottom = _span(corners.imag, height)
    part = np.ascontiguousarray(image[top:bottom, left:right])
    picture = Pillow.fromarray(part[:, :, 0] if part.shape[2] == 1 else part)
    # A lookup takes single pixels: a large face is averaged down first, or it would be grainy.
    shrink = max(1, int(abs(back)))
    picture = picture.reduce(shrink) if shrink > 1 else picture
    back, offset = back / shrink, (offset - complex(left, top)) / shrink
    matrix = (back.real, -back.imag, offset.real, back.imag, back.real, offset.imag)
    out = np.asarray(picture.transform((size_px, size_px), Pillow.Transform.AFFINE, matrix, Pillow.Resampling.BICUBIC))
    return out[:, :, None] if out.ndim == 2 else out


def _span(values: FloatArray, n: int) -> tuple[int, int]:
    """The rows, or columns, from which the crop is made, within the picture and never none."""
    low = int(np.clip(np.floor(values.min()) - 2, 0, n - 1))
    return low, int(np.clip(np.ceil(values.max()) + 2, low + 1, n))
