"""Bytes to pixels: every kind of picture, and every kind of bad file with its reason."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from twinnet.core.errors import UnreadableItem
from twinnet.data import MAX_PIXELS, decode

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=2)  # (16, 16, 3)


def encoded(image: Pillow.Image, fmt: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header says it is this large, with hardly any data behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_grey_comes_back_as_it_was(fmt: str) -> None:
    assert np.array_equal(decode(encoded(Pillow.fromarray(RAMP), fmt)), RAMP[:, :, None])


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_colour_comes_back_as_it_was(fmt: str) -> None:
    options = {"lossless": True} if fmt == "WEBP" else {}
    assert np.array_equal(decode(encoded(Pillow.fromarray(COLOUR), fmt, **options)), COLOUR)


def test_path_str_bytes_and_array_decode_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.fromarray(RAMP).save(path)
    for item in (path, str(path), path.read_bytes(), RAMP):
        assert np.array_equal(decode(item), RAMP[:, :, None])


def test_one_bit_is_black_and_white() -> None:
    assert set(np.unique(decode(encoded(Pillow.fromarray(RAMP > 99))))) == {0, 255}


def test_sixteen_bit_copy_of_eight_bit_grey_decodes_to_the_same() -> None:
    deep = Pillow.fromarray(RAMP.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    for fmt in ("PNG", "TIFF", "PPM"):
        assert np.array_equal(decode(encoded(deep, fmt))[:, :, 0], RAMP), fmt


def test_wide_integers_are_scaled_from_their_own_range() -> None:
    wide = Pillow.fromarray(RAMP.astype(np.int32) * 1000)
    assert np.array_equal(decode(encoded(wide, "TIFF"))[:, :, 0], RAMP)


@pytest.mark.parametrize(("factor", "shift"), [(1 / 255, 0), (1, 0), (1000, -7)])
def test_floats_are_scaled_by_the_range_they_lie_in(factor: float, shift: float) -> None:
    image = Pillow.fromarray(RAMP.astype(np.float32) * factor + shift)
    assert np.array_equal(decode(encoded(image, "TIFF"))[:, :, 0], RAMP)


def test_float_image_with_nan_says_so() -> None:
    values = np.full((4, 4), np.nan, np.float32)
    with pytest.raises(UnreadableItem, match="not finite"):
        decode(encoded(Pillow.fromarray(values), "TIFF"))


def test_alpha_is_composited_on_white() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)  # black; alpha 0, 255, 51 …
    pixels[:, :, 3] = [[0, 255], [51, 0]]
    expected = np.array([[255, 0], [204, 255]])
    assert np.array_equal(decode(encoded(Pillow.fromarray(pixels)))[:, :, 0], expected)
    assert np.array_equal(decode(pixels)[:, :, 2], expected)


def test_grey_with_alpha_stays_grey() -> None:
    image = Pillow.fromarray(np.zeros((3, 3), np.uint8)).convert("LA")
    image.putalpha(0)
    assert np.array_equal(decode(encoded(image)), np.full((3, 3, 1), 255))


def test_palette_with_transparency_is_composited_on_white() -> None:
    image = Pillow.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    assert decode(encoded(image, transparency=b"\x00\xff")).tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_cmyk_jpeg_becomes_rgb() -> None:
    pixels = decode(encoded(Pillow.new("RGB", (8, 8), (200, 30, 30)).convert("CMYK"), "JPEG", quality=95))
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - [200, 30, 30]).max() < 12


def test_exif_orientation_is_applied() -> None:
    exif = Pillow.Exif()
    exif[274] = 6  # to be turned by 90 degrees
    upright = Pillow.fromarray(np.repeat([[0, 255]], 8, axis=0).repeat(8, axis=1).astype(np.uint8))  # (8, 16)
    pixels = decode(encoded(upright, "JPEG", exif=exif, quality=100))
    assert pixels.shape == (16, 8, 1)
    assert pixels[0].mean() < 20
    assert pixels[-1].mean() > 235


def test_of_an_animation_the_first_frame_is_used() -> None:
    frames = [Pillow.new("L", (4, 4), level) for level in (10, 200)]
    for fmt in ("GIF", "WEBP"):
        data = encoded(
            frames[0], fmt, save_all=True, append_images=frames[1:], **({"lossless": 1} if fmt == "WEBP" else {})
        )
        assert (decode(data) == 10).all(), fmt


def test_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "void.png").touch()
    with pytest.raises(UnreadableItem, match=r"void.png: the file is empty"):
        decode(tmp_path / "void.png")


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableItem, match=r"gone.png: there is no such file"):
        decode(tmp_path / "gone.png")


def test_folder_is_not_an_item(tmp_path: Path) -> None:
    with pytest.raises(UnreadableItem, match="is a folder"):
        decode(tmp_path)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "BMP", "PPM", "WEBP"])
def test_truncated_file_is_refused_in_every_format(fmt: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Pillow.fromarray(noise), fmt)
    with pytest.raises(UnreadableItem, match="half: "):
        decode(data[: len(data) // 2], name="half")


def test_truncated_jpeg_says_truncated() -> None:
    data = encoded(Pillow.fromarray(COLOUR).resize((99, 99)), "JPEG")
    with pytest.raises(UnreadableItem, match="x: the file is truncated"):
        decode(data[: len(data) * 2 // 3], name="x")


def test_text_named_png_is_not_an_image() -> None:
    with pytest.raises(UnreadableItem, match="not an image of a known format"):
        decode(b"<html>404</html>", name="a.png")


@pytest.mark.parametrize("fmt", ["ICO", "PCX", "TGA", "EPS"])
def test_format_outside_the_whitelist_is_not_read(fmt: str) -> None:
    with pytest.raises(UnreadableItem, match="not an image of a known format"):
        decode(encoded(Pillow.fromarray(COLOUR), fmt))


@pytest.mark.parametrize("side", [8200, 12_000, 30_000])  # below Pillow's own warning, between, and above its error
def test_decompression_bomb_is_refused_from_its_header(side: int) -> None:
    with pytest.raises(UnreadableItem, match=f"pixels; at most {MAX_PIXELS:,} are decoded"):
        decode(png_claiming(side, side))


def test_pillow_warnings_stay_inside_and_the_filters_come_back() -> None:
    before = list(warnings.filters)
    threads = [threading.Thread(target=_swallow, args=(png_claiming(12_000, 12_000),)) for _ in range(8)]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not heard
    assert warnings.filters == before


def _swallow(data: bytes) -> None:
    for _ in range(50):
        with pytest.raises(UnreadableItem):
            decode(data)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((0, 4), np.uint8), r"shape \(0, 4\)"),
        (np.zeros((4, 4), np.int64), "dtype int64"),
        (np.full((4, 4), 7.0), r"float64 array with values outside \[0, 1\]"),
        (np.full((4, 4), np.nan), "values outside"),
    ],
)
def test_wrong_array_is_refused_by_shape_dtype_or_range(array: Any, reason: str) -> None:
    with pytest.raises(UnreadableItem, match=reason):
        decode(array)


def test_what_is_no_item_at_all_is_named_by_its_type() -> None:
    with pytest.raises(UnreadableItem, match="is a NoneType"):
        decode(None)  # type: ignore[arg-type]


def test_float_and_bool_arrays_are_scaled_to_255() -> None:
    assert np.array_equal(decode(RAMP / 255)[:, :, 0], RAMP)
    assert np.array_equal(decode(RAMP > 99)[:, :, 0], (RAMP > 99) * 255)


@settings(max_examples=150)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]), st.data())
def test_damaged_bytes_give_pixels_or_unreadable_item_and_nothing_else(fmt: str, data: st.DataObject) -> None:
    content = bytearray(encoded(Pillow.fromarray(COLOUR), fmt))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(content))
    except UnreadableItem:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] in (1, 3)
