"""A page as a list of sections; everything that comes from a user is escaped by the template."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


@dataclass(frozen=True, slots=True)
class Picture:
    """One or more images `(H, W, C)` uint8 side by side, with a caption and a text for those who do not see them."""

    images: Sequence[npt.NDArray[np.uint8]]
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as SVG text, and what it shows in words."""

    svg: str
    alt: str


@dataclass
class Page:
    """Sections in order; `write` makes the one file."""

    title: str
    lead: str
    footer: str = ""
    _sections: list[dict[str, Any]] = field(default_factory=list)

    def section(self, title: str) -> Page:
        """Begin a section; what follows goes into it."""
        self._sections.append({"title": title, "parts": []})
        return self

    def text(self, value: str) -> Page:
        """A paragraph."""
        return self._add("text", value)

    def verdict(self, value: str) -> Page:
        """The sentence that matters most."""
        return self._add("verdict", value)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Page:
        """A table; the first cell of a row is its name."""
        return self._add("table", {"head": head, "rows": rows})

    def figures(self, figures: Sequence[Figure]) -> Page:
        """Drawings side by side."""
        from markupsafe import Markup

        # Markup is what makes the template trust a text: only our own drawings get it, never a user's words.
        return self._add("figures", [{"svg": Markup(f.svg), "alt": f.alt} for f in figures])  # noqa: S704

    def pictures(self, pictures: Sequence[Picture], *, small: bool = False) -> Page:
        """Images with captions."""
        items = [
            {"sources": [_data_uri(image) for image in p.images], "caption": p.caption, "alt": p.alt} for p in pictures
        ]
        return self._add("pictures", _Pictures(items, small))

    def write(self, path: str | Path) -> None:
        """One self-contained HTML file."""
        from jinja2 import Environment, PackageLoader

        template = Environment(loader=PackageLoader("twinnet.page", "."), autoescape=True).get_template("page.html")
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.render(page=self, sections=self._sections), encoding="utf-8")

    def _add(self, kind: str, value: Any) -> Page:
        self._sections[-1]["parts"].append({"kind": kind, "value": value})
        return self


@dataclass(frozen=True, slots=True)
class _Pictures:
    items: list[dict[str, Any]]
    small: bool


def _data_uri(image: npt.NDArray[np.uint8]) -> str:
    pixels = image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
