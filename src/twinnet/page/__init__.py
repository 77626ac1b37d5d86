"""Self-contained HTML pages: figures, tables and pictures in one file that opens anywhere, without a network."""

from twinnet.page.figures import det_figure, histogram_figure, reliability_figure, roc_figure
from twinnet.page.page import Page, Picture

__all__ = ["Page", "Picture", "det_figure", "histogram_figure", "reliability_figure", "roc_figure"]
