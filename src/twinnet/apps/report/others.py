"""Figures of the protocols whose results are shares over episodes, folds or ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinnet.core.types import FloatArray
from twinnet.evaluation import Result
from twinnet.page import Figure, Page, curve_figure, robustness_figure, shares_figure


def other_figures(result: Result) -> list[Figure]:
    """What can be drawn of the result's arrays; nothing where it has none that are known."""
    arrays = result.arrays
    if result.protocol.startswith("lfw") and (folds := _numbers(result, "accuracy")) is not None:
        words = f"Accuracy of each of {len(folds)} folds, the threshold learned on the others; mean {folds.mean():.1%}"
        return [curve_figure(np.arange(1.0, len(folds) + 1), folds, ("fold", "accuracy"), words)]
    if "fpir" in arrays and "dir" in arrays:
        fpir, found = _numbers(result, "fpir"), _numbers(result, "dir")
        if fpir is not None and found is not None and len(fpir) == len(found):
            words = "Detection and identification rate against the false-positive identification rate (logarithmic)"
            keep = fpir > 0
            names = ("strangers identified (FPIR)", "enrolled identified (DIR)")
            return [curve_figure(fpir[keep], found[keep], names, words, log_x=True)] if keep.any() else []
    accuracy = _numbers(result, "accuracy")
    if accuracy is not None and len(accuracy) > 1:
        words = f"Accuracy of {len(accuracy)} episodes; the dashed line is their mean, {accuracy.mean():.1%}"
        return [shares_figure(accuracy, "accuracy of an episode", words)]
    return []


def group_table(result: Result, group_names: Sequence[str]) -> list[list[str]]:
    """Accuracy by group of episodes, lowest first; empty where the episodes are not by group."""
    accuracy, group = _numbers(result, "accuracy"), result.arrays.get("group")
    if accuracy is None or group is None or len(np.unique(group)) < 2 or len(group) != len(accuracy):
        return []
    rows = []
    for g in np.unique(group):
        own = accuracy[group == g]
        name = group_names[int(g)] if int(g) < len(group_names) else str(g)
        rows.append((float(own.mean()), [name, f"{len(own):,}", f"{own.mean():.1%}", f"{own.min():.1%}"]))
    return [row for _, row in sorted(rows, key=lambda pair: (pair[0], pair[1][0]))]


def robustness_section(page: Page, result: Result) -> None:
    """Nine small panels: EER against step."""
    a = result.arrays
    counts = result.counts
    page.section("Worse pictures").text(
        f"The reference stays clean, the probe is worsened in {counts['steps']} steps: {counts['items']:,} items, "
        f"{counts['genuine_pairs']:,} genuine and {counts['impostor_pairs']:,} impostor pairs. The numbers under the "
        "panels are the levels. Brightness, noise: share of the range; contrast: what is left; blur, shift: share of "
        "the side; occlusion: share of the area; rotation: degrees; scale: factor, either way; JPEG: quality."
    )
    figure = robustness_figure([str(name) for name in a["distortions"]], a["levels"], a["eer"], a["low"], a["high"])
    page.figures([figure], wide=True)


def _numbers(result: Result, name: str) -> FloatArray | None:
    values = result.arrays.get(name)
    if values is None:
        return None
    found = np.asarray(values, np.float64)
    return found if found.ndim == 1 and len(found) and np.isfinite(found).all() else None
