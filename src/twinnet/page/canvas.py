"""From matplotlib to SVG text that lives inside a page: transparent, words as words, names that clash with no other."""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any

GENUINE, IMPOSTOR, MARK, SOFT = "#0a66c2", "#c2410c", "#111111", "#6b7280"


def axes(x: str, y: str) -> tuple[Any, Any]:
    """A figure with one pair of axes."""
    from matplotlib.figure import Figure as Canvas  # slow to import; not pyplot, which keeps global state

    figure = Canvas(figsize=(4.6, 3.4), layout="constrained")
    one = figure.add_subplot()
    one.set_xlabel(x)
    one.set_ylabel(y)
    plain(one)
    return figure, one


def panels(rows: int, columns: int) -> tuple[Any, Any]:
    """A figure of small multiples that share their height's range: `(rows, columns)` axes."""
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(8.4, 2.1 * rows + 0.6), layout="constrained")
    many = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for one in many.flat:
        plain(one)
    return figure, many


def plain(one: Any) -> None:
    """No frame, a faint grid."""
    one.spines[["top", "right"]].set_visible(False)
    one.grid(alpha=0.25)


def svg(figure: Any, alt: str) -> str:
    """The figure as one `<svg role="img">` element that says what it shows."""
    from markupsafe import escape
    from matplotlib import rc_context

    buffer = io.StringIO()
    # A fixed salt makes the same figure the same text; `none` keeps words as words, for search and screen readers.
    with rc_context({"svg.hashsalt": "twinnet", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Two figures on one page must not share an id: a reference would find the other figure's shape.
    own = hashlib.sha256(f"{alt}{text}".encode()).hexdigest()[:8]
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{own}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
