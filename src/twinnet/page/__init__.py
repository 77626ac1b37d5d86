"""Self-contained HTML pages: figures, tables and pictures in one file that opens anywhere, without a network."""

from twinnet.page.figures import (
    curve_figure,
    det_figure,
    histogram_figure,
    reliability_figure,
    robustness_figure,
    roc_figure,
    shares_figure,
)
from twinnet.page.page import Figure, Page, Picture
from twinnet.page.scatter import ItemMap

__all__ = [
    "Figure",
    "ItemMap",
    "Page",
    "Picture",
    "curve_figure",
    "det_figure",
    "histogram_figure",
    "reliability_figure",
    "robustness_figure",
    "roc_figure",
    "shares_figure",
]
