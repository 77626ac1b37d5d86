"""A contact sheet: the question and its answers in one picture or one page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from twinnet.apps.retrieve.query import Found, Hit
from twinnet.core.errors import ConfigError, TwinnetError, UnreadableItem
from twinnet.core.types import Image
from twinnet.data import decode
from twinnet.data.geometry import fit
from twinnet.page import Page, Picture

_CELL_PX, _TEXT_PX, _GAP_PX = 140, 30, 10
_COLUMNS = 5
_LETTERS = 24  # of a name, from its end
_PAPER, _INK, _MARK = (255, 255, 255), (40, 40, 40), (200, 60, 40)


def write_sheet(path: str | Path, found: Found) -> None:
    """Write the answer as `.html`, one self-contained page, or as `.png`. Raises ConfigError for another ending.

    A hit that was nearest by a region is shown whole; the region is marked in the PNG and named on the page. A picture
    that has gone since it was indexed keeps its place, empty.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".html", ".png"):
        raise ConfigError(f"{path}: a contact sheet is .html or .png.")
    if kind == ".html":
        _page(found).write(path)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _drawn(found).save(path, "PNG", optimize=True)
    except OSError as error:
        raise TwinnetError(f"{path}: the sheet cannot be written ({error.strerror or error}).") from error


def _page(found: Found) -> Page:
    page = Page("What looks like this?", f"{len(found.hits)} of {found.n_pictures:,} pictures, nearest first.")
    page.section("Asked for").pictures([Picture([found.asked], "the question", "the picture that was asked for")])
    pictures = [
        Picture([_shown(hit)], _caption(i, hit), f"answer {i + 1}: {hit.name}") for i, hit in enumerate(found.hits)
    ]
    page.section("Found").pictures(pictures)
    rows = [
        [hit.name, f"{hit.distance:.4f}", _sure(hit), str(hit.box) if _partly(hit) else "whole"] for hit in found.hits
    ]
    page.section("In numbers").table(["picture", "distance", "probability", "region (x,y,width,height)"], rows)
    page.text("The pictures are copies of your own. Pass the page on with the same care as them.")
    return page


def _drawn(found: Found) -> Pillow.Image:
    rows = 1 + -(-len(found.hits) // _COLUMNS)
    step_x, step_y = _CELL_PX + _GAP_PX, _CELL_PX + _TEXT_PX + _GAP_PX
    sheet = Pillow.new("RGB", (_COLUMNS * step_x + _GAP_PX, rows * step_y + _GAP_PX), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    sheet.paste(_thumb(found.asked), (_GAP_PX, _GAP_PX))
    draw.text((_GAP_PX, _GAP_PX + _CELL_PX + 2), "asked for", _INK, font)
    for i, hit in enumerate(found.hits):
        left, top = _GAP_PX + i % _COLUMNS * step_x, _GAP_PX + (1 + i // _COLUMNS) * step_y
        image = _shown(hit)
        sheet.paste(_thumb(image), (left, top))
        if _partly(hit):
            draw.rectangle(_placed(hit, image, left, top), outline=_MARK, width=2)
        draw.text((left, top + _CELL_PX + 2), f"{i + 1}  {_end(hit.name)}", _INK, font)
        draw.text((left, top + _CELL_PX + 15), f"{hit.distance:.3f}  {_sure(hit)}", _INK, font)
    return sheet


def _shown(hit: Hit) -> Image:
    try:
        return decode(hit.path)
    except UnreadableItem:
        return np.full((64, 64, 1), 230, np.uint8)


def _thumb(image: Image) -> Pillow.Image:
    cell = fit(image, _CELL_PX, _CELL_PX, "pad", np.full(image.shape[2], 245, np.uint8))
    return Pillow.fromarray(np.repeat(cell, 3 // cell.shape[2], axis=2))


def _placed(hit: Hit, image: Image, left: int, top: int) -> tuple[float, float, float, float]:
    height, width = image.shape[:2]
    scale = _CELL_PX / max(height, width)
    x = left + (_CELL_PX - width * scale) / 2 + hit.box.x * scale
    y = top + (_CELL_PX - height * scale) / 2 + hit.box.y * scale
    return x, y, x + hit.box.width * scale - 1, y + hit.box.height * scale - 1


def _partly(hit: Hit) -> bool:
    # The whole picture is the first region: it begins in the corner, and a part that does so ends before the edge.
    try:
        height, width = decode(hit.path).shape[:2]
    except UnreadableItem:
        return False
    return (hit.box.width, hit.box.height) != (width, height)


def _caption(i: int, hit: Hit) -> str:
    return f"{i + 1}. {hit.name} · {hit.distance:.3f}" + (f" · {_sure(hit)}" if hit.probability is not None else "")


def _sure(hit: Hit) -> str:
    return "–" if hit.probability is None else f"{hit.probability:.0%} same"


def _end(text: str) -> str:
    return text if len(text) <= _LETTERS else "…" + text[1 - _LETTERS :]
