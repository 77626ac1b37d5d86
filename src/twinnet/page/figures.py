"""The drawings of a report, as SVG on a transparent ground, so that a page can turn them for dark mode."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from twinnet.core.types import BoolArray, ErrorRates, FloatArray
from twinnet.decide import reliability
from twinnet.page.page import Figure

GENUINE, IMPOSTOR, MARK = "#0a66c2", "#c2410c", "#111111"
_MOST_POINTS = 2000  # of a curve: more make the file large and look the same


def roc_figure(rates: ErrorRates, threshold: float | None = None) -> Figure:
    """True accepts against false accepts, on a logarithmic axis, where the interesting end is."""
    figure, axes = _axes("false-accept rate", "genuine pairs accepted")
    keep = _thin(len(rates.far))
    axes.plot(np.maximum(rates.far[keep], 0.5 / rates.n_impostor), 1 - rates.frr[keep], color=GENUINE)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    words = "ROC: share of genuine pairs accepted against the false-accept rate (logarithmic)"
    if threshold is not None:
        at = min(int(np.searchsorted(rates.threshold, threshold)), len(rates.far) - 1)
        far, tar = max(rates.far[at], 0.5 / rates.n_impostor), 1 - rates.frr[at]
        axes.plot([far], [tar], "o", color=MARK)
        words += f"; the dot is the threshold, which accepts {tar:.1%} at a FAR of {rates.far[at]:.2%}"
    return Figure(_svg(figure), words)


def det_figure(rates: ErrorRates) -> Figure:
    """False rejects against false accepts, both logarithmic (Martin et al. 1997, without the normal deviates)."""
    figure, axes = _axes("false-accept rate", "false-reject rate")
    keep = _thin(len(rates.far))
    far, frr = np.maximum(rates.far[keep], 0.5 / rates.n_impostor), np.maximum(rates.frr[keep], 0.5 / rates.n_genuine)
    axes.loglog(far, frr, color=GENUINE)
    low = min(far.min(), frr.min())
    axes.plot([low, 1], [low, 1], ":", color=MARK, linewidth=0.8)
    return Figure(_svg(figure), "DET: false rejects against false accepts; the dotted line is where they are equal")


def histogram_figure(distances: FloatArray, same: BoolArray, threshold: float | None = None) -> Figure:
    """How distances of genuine and impostor pairs are spread, with the threshold between them."""
    figure, axes = _axes("distance (lower is more alike)", "share of pairs of its kind")
    bins = np.linspace(distances.min(), np.quantile(distances, 0.999), 60)
    for kind, colour, name in ((same, GENUINE, "genuine"), (~same, IMPOSTOR, "impostor")):
        weights = np.full(int(kind.sum()), 1 / max(1, int(kind.sum())))
        axes.hist(distances[kind], bins, weights=weights, alpha=0.6, color=colour, label=name)
    words = "Distances of genuine and impostor pairs"
    if threshold is not None:
        axes.axvline(threshold, color=MARK, linestyle="--", linewidth=1.2, label="threshold")
        words += f"; the dashed line is the threshold {threshold:.4g}: nearer is called the same"
    axes.legend(frameon=False)
    return Figure(_svg(figure), words)


def reliability_figure(probability: npt.ArrayLike, same: BoolArray) -> Figure:
    """Is a pair called 80 % likely the same in 80 % of cases? Kinds weighted alike, as the probability assumes."""
    bars = reliability(probability, same, prior=0.5)
    figure, axes = _axes("probability given", "share that is the same")
    axes.plot([0, 1], [0, 1], ":", color=MARK, linewidth=0.8)
    axes.plot(bars.given, bars.same, "o-", color=GENUINE)
    return Figure(_svg(figure), "Reliability: the probability given against how often it was right; dotted is perfect")


def _axes(x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as Canvas  # slow to import; not pyplot, which keeps global state

    figure = Canvas(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    buffer = io.StringIO()
    # A fixed salt makes the same figure the same text; `none` keeps words as words, for search and screen readers.
    with rc_context({"svg.hashsalt": "twinnet", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def _thin(n: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).astype(np.int64))
