"""The drawings of a report, as SVG on a transparent ground, so that a page can turn them for dark mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from twinnet.core.types import BoolArray, ErrorRates, FloatArray
from twinnet.decide import brier, ece, reliability
from twinnet.page.canvas import GENUINE, IMPOSTOR, MARK, SOFT, axes, panels, svg
from twinnet.page.page import Figure

_MOST_POINTS = 600  # of a curve: more make the file large and look the same
BandArrays = tuple[FloatArray, FloatArray, FloatArray]
"""FAR, and the lower and upper end of the share of genuine pairs accepted there: `(K,)` each."""


def roc_figure(rates: ErrorRates, threshold: float | None = None, band: BandArrays | None = None) -> Figure:
    """True accepts against false accepts, on a logarithmic axis, where the interesting end is."""
    words = "ROC: share of genuine pairs accepted against the false-accept rate (logarithmic)"
    figure, one = axes("false-accept rate", "genuine pairs accepted")
    keep = _thin(len(rates.far))
    if band is not None:
        one.fill_between(*band, color=GENUINE, alpha=0.2, linewidth=0)
        words += "; the shade is the pointwise 95 % interval"
    one.plot(np.maximum(rates.far[keep], 0.5 / rates.n_impostor), 1 - rates.frr[keep], color=GENUINE)
    one.set_xscale("log")
    one.set_ylim(0, 1.02)
    if threshold is not None:
        far, tar = _at(rates, threshold)
        one.plot([max(far, 0.5 / rates.n_impostor)], [tar], "o", color=MARK)
        words += f"; the dot is the threshold, which accepts {tar:.1%} at a FAR of {far:.2%}"
    return Figure(svg(figure, words), words)


def det_figure(rates: ErrorRates, threshold: float | None = None, band: BandArrays | None = None) -> Figure:
    """False rejects against false accepts, both logarithmic (Martin et al. 1997, without the normal deviates)."""
    words = "DET: false rejects against false accepts; the dotted line is where they are equal"
    figure, one = axes("false-accept rate", "false-reject rate")
    keep = _thin(len(rates.far))
    least = 0.5 / rates.n_genuine
    far, frr = np.maximum(rates.far[keep], 0.5 / rates.n_impostor), np.maximum(rates.frr[keep], least)
    if band is not None:
        one.fill_between(
            band[0], np.maximum(1 - band[2], least), np.maximum(1 - band[1], least), color=GENUINE, alpha=0.2,
            linewidth=0,
        )  # fmt: skip
        words += "; the shade is the pointwise 95 % interval"
    one.loglog(far, frr, color=GENUINE)
    low = min(far.min(), frr.min())
    one.plot([low, 1], [low, 1], ":", color=MARK, linewidth=0.8)
    if threshold is not None:
        at = _at(rates, threshold)
        one.plot([max(at[0], 0.5 / rates.n_impostor)], [max(1 - at[1], least)], "o", color=MARK)
        words += f"; the dot is the threshold, with a FAR of {at[0]:.2%} and an FRR of {1 - at[1]:.1%}"
    return Figure(svg(figure, words), words)


def histogram_figure(
    distances: FloatArray,
    same: BoolArray,
    threshold: float | None = None,
    abstain: tuple[float, float] | None = None,
) -> Figure:
    """How distances of genuine and impostor pairs are spread, with the threshold between them."""
    words = "Distances of genuine and impostor pairs"
    figure, one = axes("distance (lower is more alike)", "share of pairs of its kind")
    bins = np.linspace(distances.min(), np.quantile(distances, 0.999), 60)
    for kind, colour, name, hatch in ((same, GENUINE, "genuine", ""), (~same, IMPOSTOR, "impostor", "///")):
        weights = np.full(int(kind.sum()), 1 / max(1, int(kind.sum())))
        # One filled, one hatched: they stay apart in black and white, and for eyes that do not part the colours.
        one.hist(
            distances[kind], bins, weights=weights, histtype="stepfilled", facecolor="none" if hatch else (colour, 0.4),
            edgecolor=(colour, 0.9), linewidth=0.8, hatch=hatch, label=name,
        )  # fmt: skip
    if abstain is not None:
        one.axvspan(*abstain, color=SOFT, alpha=0.25, linewidth=0, label="too close to call")
        words += f"; between {abstain[0]:.4g} and {abstain[1]:.4g} it gives no answer"
    if threshold is not None:
        one.axvline(threshold, color=MARK, linestyle="--", linewidth=1.2, label="threshold")
        words += f"; the dashed line is the threshold {threshold:.4g}: nearer is called the same"
    one.legend(frameon=False)
    return Figure(svg(figure, words), words)


def reliability_figure(probability: npt.ArrayLike, same: BoolArray, prior: float = 0.5) -> Figure:
    """Is a pair called 80 % likely the same in 80 % of cases? Kinds weighted to the prior the probability assumes."""
    bars = reliability(probability, same, prior=prior)
    error, square = ece(probability, same, prior=prior), brier(probability, same, prior=prior)
    words = (
        "Reliability: the probability given against how often it was right; dotted is perfect, the size of a point is "
        f"its share of pairs. Expected calibration error {error:.3f}, Brier score {square:.3f}, where {prior:.0%} of "
        "the comparisons are genuine"
    )
    figure, one = axes("probability given", "share that is the same")
    one.plot([0, 1], [0, 1], ":", color=MARK, linewidth=0.8)
    one.plot(bars.given, bars.same, "-", color=GENUINE, linewidth=1)
    one.scatter(bars.given, bars.same, s=16 + 240 * bars.weight, color=GENUINE, zorder=3)
    one.set_xlim(-0.03, 1.03)
    one.set_ylim(-0.03, 1.03)
    one.text(0.03, 0.97, f"ECE {error:.3f}\nBrier {square:.3f}", va="top")
    return Figure(svg(figure, words), words)


def robustness_figure(
    names: Sequence[str], levels: FloatArray, eer: FloatArray, low: FloatArray, high: FloatArray
) -> Figure:
    """EER against step, one small panel per distortion: `levels (K, S)`, the rest `(K, S + 1)` with clean first."""
    columns = 3
    figure, many = panels(-(-len(names) // columns), columns)
    step = np.arange(eer.shape[1])
    for at, name in enumerate(names):
        one = many[at // columns, at % columns]
        one.axhline(eer[at, 0], color=SOFT, linestyle="--", linewidth=0.9)
        one.fill_between(step, low[at], high[at], color=IMPOSTOR, alpha=0.2, linewidth=0)
        one.plot(step, eer[at], "o-", color=IMPOSTOR, markersize=3)
        one.set_title({"jpeg": "JPEG"}.get(name, name), fontsize=10)
        one.set_xticks(step, ["clean", *(f"{level:g}" for level in levels[at])], fontsize=7)
    for unused in many.flat[len(names) :]:
        unused.set_axis_off()
    many[0, 0].set_ylim(0, max(0.55, float(high.max()) * 1.02))
    figure.supylabel("equal error rate", fontsize=10)
    worst = int(np.argmax(eer[:, -1]))
    words = (
        f"Equal error rate as the probe worsens, with 95 % intervals; dashed is the clean level, {eer[0, 0]:.1%}. At "
        f"the last step {names[worst]} costs most, {eer[worst, -1]:.1%}; 50 % would be guessing"
    )
    return Figure(svg(figure, words), words)


def curve_figure(x: FloatArray, y: FloatArray, names: tuple[str, str], words: str, *, log_x: bool = False) -> Figure:
    """One line, such as DIR against FPIR."""
    figure, one = axes(*names)
    one.plot(x, y, "o-" if len(x) <= 30 else "-", color=GENUINE, markersize=4)
    if log_x:
        one.set_xscale("log")
    one.set_ylim(min(0.0, float(np.min(y))), max(1.02, float(np.max(y))))
    return Figure(svg(figure, words), words)


def shares_figure(values: FloatArray, name: str, words: str) -> Figure:
    """How a share in [0, 1] is spread over episodes or folds."""
    figure, one = axes(name, "how many")
    one.hist(values, np.linspace(min(0.0, float(values.min())), 1, 41), color=GENUINE, alpha=0.6)
    one.axvline(values.mean(), color=MARK, linestyle="--", linewidth=1.2)
    return Figure(svg(figure, words), words)


def _at(rates: ErrorRates, threshold: float) -> tuple[float, float]:
    """FAR and TAR at a threshold."""
    at = min(int(np.searchsorted(rates.threshold, threshold)), len(rates.far) - 1)
    return float(rates.far[at]), float(1 - rates.frr[at])


def _thin(n: int) -> npt.NDArray[np.int64]:
    if n <= _MOST_POINTS:
        return np.arange(n)
    # Evenly, and crowded towards both ends: on logarithmic axes the ends take most of the room.
    even, crowded = np.linspace(0, n - 1, _MOST_POINTS // 3), np.geomspace(1, n, _MOST_POINTS // 3) - 1
    return np.unique(np.concatenate([even, crowded, n - 1 - crowded]).astype(np.int64))
