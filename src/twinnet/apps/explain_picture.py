"""An explanation as one picture: both items with what drives the verdict laid over, and where the distance falls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.explain import Explanation
from twinnet.core.errors import TwinnetError
from twinnet.core.types import Decision
from twinnet.decide import Spread
from twinnet.page.heat import ALIKE, APART, overlay

_FORMATS = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")


def draw_explanation(explanation: Explanation, path: str | Path, spread: Spread | None = None) -> None:
    """Write the picture; its ending says the format. Raises TwinnetError where that is unknown or cannot be written.

    `spread`, where the model has one, gives the distances of genuine and impostor pairs behind this one.
    """
    from matplotlib.figure import Figure  # slow to import; not pyplot, which keeps global state

    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise TwinnetError(f"{path}: unknown picture format. Next: end the name in one of {', '.join(_FORMATS)}.")
    figure = Figure(figsize=(7.2, 6.4), layout="constrained", facecolor="white")
    panels: Any = figure.subplot_mosaic([["a", "b"], ["where", "where"]], height_ratios=[3, 1.5])
    largest = max(float(np.abs(effect).max()) for effect in explanation.effects) or 1.0
    for name, picture, effect in zip("ab", explanation.pictures, explanation.effects, strict=True):
        panels[name].imshow(overlay(picture, effect / largest))
        panels[name].set_axis_off()
        panels[name].set_title(name.upper(), fontsize=10)
    figure.suptitle(_verdict(explanation.decision), fontsize=12)
    _where(panels["where"], explanation.decision, spread)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise TwinnetError(f"{path}: the picture cannot be written ({error.strerror or error}).") from error


def _verdict(decision: Decision) -> str:
    word = "too close to call" if decision.abstained else "the same" if decision.same else "different"
    sign = "<" if decision.distance < decision.threshold else "≥"
    sure = f", probability of being the same {decision.probability:.1%}" if decision.probability is not None else ""
    return f"{word}: distance {decision.distance:.4f} {sign} threshold {decision.threshold:.4f}{sure}"


def _where(axes: Any, decision: Decision, spread: Spread | None) -> None:
    axes.set_xlabel("distance; blue over a place: it makes the two alike; orange: it sets them apart")
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(decision.threshold, color="#111111", linestyle="--", linewidth=1.2, label="threshold")
    axes.axvline(decision.distance, color="#7c3aed", linewidth=2.5, label="this pair")
    if spread is None:
        axes.set_yticks([])
        axes.set_title("The model keeps no distances to compare with; calibrate it again to have them", fontsize=9)
    else:
        shares = np.linspace(0, 1, len(spread.genuine))
        axes.plot(spread.genuine, 1 - shares, color=ALIKE, label="genuine pairs farther than this")
        axes.plot(spread.impostor, shares, color=APART, label="impostor pairs nearer than this")
        axes.set_ylim(-0.03, 1.03)
        genuine, impostor = spread.nearer(decision.distance)
        axes.set_title(f"{genuine:.0%} of genuine and {impostor:.0%} of impostor pairs are nearer", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
