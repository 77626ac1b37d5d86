"""The one place where bytes become pixels, with limits: what cannot be read says why, and nothing else escapes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from twinnet.core.errors import UnreadableItem
from twinnet.core.types import Image, Item
from twinnet.data.quiet import quiet
from twinnet.data.sources import read_bytes

MAX_PIXELS = 2**26
"""Width × height beyond this is refused from the header, before a pixel is decoded."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
)
_ORIENTED = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})  # where an orientation may stand


def decode(
    item: Item, *, name: str | None = None, formats: Sequence[str] | None = None, max_pixels: int = MAX_PIXELS
) -> Image:
    """Pixels `(H, W, 1)` for grey or `(H, W, 3)` for colour, uint8, of a path, encoded bytes or an array.

    Of an animation the first frame is used. EXIF orientation is applied. Alpha is composited on white. Deep grey is
    scaled to 8 bit: 16-bit values by 255/65535; 32-bit integers the same where they fit in 16 bits, otherwise from
    their own minimum and maximum; floats by 255 where all lie in [0, 1], as they are where all lie in [0, 255],
    otherwise from their own minimum and maximum. Arrays are `(H, W)` or `(H, W, 1|3|4)`, uint8, bool, or float in
    [0, 1]; the result may share their memory, so do not write to it. `formats` and `max_pixels` narrow what is taken.
    Every failure is an `UnreadableItem` that names the item and the reason.
    """
    if isinstance(item, np.ndarray):
        return _from_array(item, name or "array")
    if isinstance(item, str):
        item = Path(item)
    if not isinstance(item, Path | bytes):
        raise UnreadableItem(name or "item", f"is a {type(item).__name__}; a path, bytes or an array is read")
    name = name or (str(item) if isinstance(item, Path) else f"{len(item):,} bytes")
    content = read_bytes(item, name)
    if not content:
        raise UnreadableItem(name, "the file is empty")
    known = _formats() if formats is None else tuple(f for f in _formats() if f in formats)
    try:
        with quiet(), Pillow.open(io.BytesIO(content), formats=known) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise UnreadableItem(name, f"has {width} × {height} pixels; at most {max_pixels:,} are decoded")
            return _pixels(image, name)
    except UnreadableItem:
        raise
    except UnidentifiedImageError:
        raise UnreadableItem(name, f"is not an image of a known format ({', '.join(known)}), or is damaged") from None
    except Pillow.DecompressionBombError:
        raise UnreadableItem(name, f"has far too many pixels; at most {max_pixels:,} are decoded") from None
    except Exception as error:  # Pillow's readers raise whatever the bytes provoke: OSError, SyntaxError, IndexError …
        reason = str(error) or type(error).__name__
        cut = "truncated" in reason.lower()
        reason = "the file is truncated" if cut else f"cannot be decoded; it may be damaged ({reason})"
        raise UnreadableItem(name, reason) from error


def _pixels(image: Pillow.Image, name: str) -> Image:
    oriented = image.format == "TIFF" or not _ORIENTED.isdisjoint(image.info)
    image.load()
    if oriented:
        with contextlib.suppress(Exception):  # a damaged EXIF block is no reason to lose the picture
            ImageOps.exif_transpose(image, in_place=True)
    mode = image.mode
    if mode in ("L", "RGB") and "transparency" not in image.info:
        pixels = np.asarray(image)
    elif mode == "1":
        pixels = np.asarray(image.convert("L"))
    elif mode.startswith(("I", "F")):
        pixels = _to_eight_bits(np.asarray(image), name)
    elif mode in ("LA", "La", "L"):
        pixels = _on_white(np.asarray(image.convert("LA")))
    elif image.has_transparency_data:
        pixels = _on_white(np.asarray(image.convert("RGBA")))
    else:  # palette, CMYK, YCbCr …
        pixels = np.asarray(image.convert("RGB"))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels  # (H, W) -> (H, W, 1)


def _to_eight_bits(values: npt.NDArray[Any], name: str) -> Image:
    if not np.isfinite(values).all():
        raise UnreadableItem(name, "has pixels that are not finite numbers")
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind != "f":
        low, high = (0.0, 65535.0) if low >= 0 and high <= 65535 else (low, high)
    elif low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    return np.rint((values.astype(np.float64) - low) * (255 / (high - low or 1))).astype(np.uint8)


def _on_white(pixels: Image) -> Image:
    alpha = pixels[:, :, -1:].astype(np.uint16)  # (H, W, 1)
    colour = pixels[:, :, :-1].astype(np.uint16)  # (H, W, 1 or 3)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _from_array(array: npt.NDArray[Any], name: str) -> Image:
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))) or array.size == 0:
        raise UnreadableItem(
            name, f"an array of shape {array.shape}; (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) is read"
        )
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # also catches NaN
            raise UnreadableItem(name, f"a {array.dtype} array with values outside [0, 1]; scale it, or give uint8")
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise UnreadableItem(name, f"an array of dtype {array.dtype}; uint8, bool, or float in [0, 1] is read")
    pixels: Image = array[:, :, None] if array.ndim == 2 else array
    return _on_white(pixels) if pixels.shape[2] == 4 else pixels


@cache
def _formats() -> tuple[str, ...]:
    Pillow.init()
    return tuple(f for f in FORMATS if f in Pillow.OPEN)  # WEBP is optional when Pillow is built from source
