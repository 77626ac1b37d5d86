"""The drawings of an evaluation: success and precision of all trackers, and one sequence frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import numpy as np

from twinnet.apps.track.judged import Evaluated, Judged
from twinnet.evaluation.tracking import THRESHOLDS, success
from twinnet.page.canvas import GENUINE, IMPOSTOR, SOFT, axes, svg

_STYLES = ("-", "--", "-.", ":")


def success_figure(trackers: Mapping[str, Evaluated]) -> str:
    """SVG: share of frames with an overlap above each threshold, mean over sequences."""
    figure, one = axes("overlap (intersection over union)", "share of frames above it")
    for i, (name, evaluated) in enumerate(trackers.items()):
        curve = np.mean([success(judged.figures.overlaps) for judged in evaluated.judged], 0)
        colour = GENUINE if i == 0 else SOFT
        one.plot(
            THRESHOLDS, curve, _STYLES[i % 4], color=colour, lw=2 if i == 0 else 1, label=f"{name} {curve.mean():.3f}"
        )
    one.set_ylim(0, 1.02)
    one.legend(fontsize=7, frameon=False, title="AUC", title_fontsize=7)
    return svg(
        figure, "Success: share of frames whose overlap with the truth is above a threshold; the legend has the AUC"
    )


def sequence_figure(judged: Judged) -> str:
    """SVG: the overlap in every frame; shaded where the tracker said *lost*."""
    figure, one = axes("frame", "overlap with the truth")
    figure.set_size_inches(7.5, 2.4)
    one.plot(np.arange(1, len(judged.boxes) + 1), judged.figures.overlaps, color=GENUINE, lw=1)
    at = 0
    for lost, run in groupby(judged.states, lambda state: state == "lost"):
        n = len(list(run))
        if lost:
            one.axvspan(at + 0.5, at + n + 0.5, color=IMPOSTOR, alpha=0.18, lw=0)
        at += n
    one.set_ylim(0, 1.02)
    one.set_title(f"{judged.name}: AUC {judged.figures.auc:.3f}", fontsize=9)
    return svg(
        figure, f"{judged.name}: overlap with the truth in every frame; shaded where the tracker said it was lost"
    )


def write_figures(name: str, evaluated: Evaluated, folder: Path) -> list[Path]:
    """`success.svg` and one for each sequence."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"success": success_figure({name: evaluated})} | {j.name: sequence_figure(j) for j in evaluated.judged}
    for stem, text in texts.items():
        (folder / f"{stem}.svg").write_text(alone(text), encoding="utf-8")
    return [folder / f"{stem}.svg" for stem in texts]


def alone(text: str) -> str:
    """A drawing that is a file of its own needs its namespace and a ground."""
    return text if "xmlns=" in text else text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
