"""A page as a list of sections; everything that comes from a user is escaped by the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import TwinnetError
from twinnet.page.pictures import data_uri
from twinnet.page.scatter import ItemMap, drawn

_TINY_PX = 40  # pictures of fewer pixels are shown as the squares that they are


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

    def numbers(self, values: Sequence[tuple[str, str, str]]) -> Page:
        """A few large numbers: what it is, the number, how sure it is."""
        return self._add("numbers", values)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Page:
        """A table; the first cell of a row is its name."""
        return self._add("table", {"head": head, "rows": rows})

    def figures(self, figures: Sequence[Figure], *, wide: bool = False) -> Page:
        """Drawings side by side; `wide` ones take the page's whole width."""
        from markupsafe import Markup

        # Markup is what makes the template trust a text: only our own drawings get it, never a user's words.
        items = [{"svg": Markup(f.svg), "alt": f.alt} for f in figures]  # noqa: S704
        return self._add("figures", {"figures": items, "wide": wide})

    def pictures(self, pictures: Sequence[Picture], *, small: bool = False) -> Page:
        """Images with captions."""
        items = [
            {
                "sources": [(data_uri(image), max(image.shape[:2]) <= _TINY_PX) for image in p.images],
                "caption": p.caption,
                "alt": p.alt,
            }
            for p in pictures
        ]
        return self._add("pictures", {"pictures": items, "small": small})

    def map(self, item_map: ItemMap) -> Page:
        """A map of items, with their pictures on hover; at most one on a page."""
        return self._add("map", drawn(item_map))

    def write(self, path: str | Path) -> None:
        """One self-contained HTML file. Raises TwinnetError where it cannot be written."""
        from jinja2 import Environment, PackageLoader

        environment = Environment(
            loader=PackageLoader("twinnet.page", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        html = environment.get_template("page.html").render(page=self, sections=self._sections)
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(html, encoding="utf-8")
        except OSError as error:
            raise TwinnetError(f"{path}: the page cannot be written ({error.strerror or error}).") from error

    def _add(self, kind: str, value: Any) -> Page:
        self._sections[-1]["parts"].append({"kind": kind, "value": value})
        return self
