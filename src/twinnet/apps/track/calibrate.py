"""When is it lost? Learned from staged sequences, where the truth of every frame is known, the hidden ones too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize

from twinnet.apps.track.correlate import correlate
from twinnet.apps.track.file import Tracker
from twinnet.apps.track.follow import anywhere
from twinnet.apps.track.judge import MEASURES, Rule
from twinnet.apps.track.staged import Staged, staged
from twinnet.apps.track.target import Target
from twinnet.apps.track.textures import invented_picture
from twinnet.apps.track.views import look
from twinnet.core.errors import CalibrationError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive, stream
from twinnet.core.types import BoolArray, FloatArray, Image
from twinnet.encoders.places import STRIDE
from twinnet.evaluation.tracking import overlap

_SAME, _OTHER = 0.5, 0.1  # overlaps: above it is the target, below it is something else, between nobody can say
_SEEN, _HIDDEN = 0.8, 0.1  # visible shares, likewise
_DOUBTED = 0.05  # share of frames with the target in sight that may be doubted: three in a row make it lost
_TAKEN = 0.04  # share of looks at frames without it that may take something for it: two in a row bring it back
_OFF = 0.25  # of the target's size: how far a search begins from where it is, one standard deviation
_EVERY = 4  # frames: between looks at the whole frame
_FRAMES = 80  # of a sequence
_FARTHER = (True, True, False, True)  # does a larger measure mean a larger distance?
_SHRINK = 1e-3
_GROUNDS = 30  # invented pictures, where no others are given


@dataclass(frozen=True)
class Measured:
    """`here (N, 4)` measures of search windows, `same (N,)`; `back (M, 4)`, `back_same (M,)` of whole frames."""

    here: FloatArray
    same: FloatArray
    back: FloatArray
    back_same: FloatArray


def calibrate(
    tracker: Tracker, pictures: Sequence[Image] = (), *, sequences: int = 16, seed: int = 0, progress: Progress = SILENT
) -> Tracker:
    """The tracker with a rule learned on `sequences` staged from `pictures`, or from invented ones.

    The threshold doubts 5 % of frames with the target in sight; the one to come back from *lost* lets something else
    through in 4 % of the frames without it. Raises CalibrationError where the sequences show too little of either.
    """
    rng = stream(seed, "calibrate")
    pictures = pictures or [invented_picture(stream(seed, "ground", i), 320) for i in range(_GROUNDS)]
    parts: list[Measured] = []
    with progress.task("calibrating", sequences) as task, torch.inference_mode():
        for number in range(sequences):
            order = rng.permutation(len(pictures))
            half = max(1, len(pictures) // 2)
            grounds, things = [pictures[i] for i in order[:half]], [pictures[i] for i in order[-half:]]
            scene = staged(grounds, things, derive(seed, "staged", number) % 2**31, frames=_FRAMES)
            parts.append(_measured(tracker, scene, rng))
            task.advance(1)
    of = Measured(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("here", "same", "back", "back_same"))
    )
    rule, facts = _rule(of)
    return replace(
        tracker, rule=rule, facts={**tracker.facts, "calibration": {**facts, "sequences": sequences, "seed": seed}}
    )


def _measured(tracker: Tracker, scene: Staged, rng: np.random.Generator) -> Measured:
    """The truth leads the target; only what is found is the tracker's."""
    target = Target(tracker.embed, scene.frames[0], scene.boxes[0], tracker.settings, tracker.rule)
    side = STRIDE * tracker.settings.cells
    rows: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    same: tuple[list[bool], list[bool]] = ([], [])
    for n in range(1, len(scene.frames)):
        frame, truth, visible = scene.frames[n], scene.boxes[n], scene.visible[n]
        before = scene.boxes[n - 1]
        target.centre = before[:2] + before[2:] / 2 + rng.normal(0, _OFF, 2) * before[2:]
        seen = look(tracker.embed, frame, target.centre, target.ratio, (side, side))
        guess = target.guess(seen, correlate(target.window(seen), [target.filter])[0])
        shared = float(overlap(np.concatenate([guess.centre - guess.size / 2, guess.size])[None], truth[None])[0])
        known = _known(shared, float(visible))
        if known is not None:
            rows[0].append(guess.measures)
            same[0].append(known)
        if known:
            target.accept(guess, seen)
        if n % _EVERY == 0 and (found := anywhere(tracker.embed, frame, target, n // _EVERY)):
            g = found.guess
            shared = float(overlap(np.concatenate([g.centre - g.size / 2, g.size])[None], truth[None])[0])
            known = _known(shared, float(visible))
            if known is not None:
                rows[1].append(g.measures)
                same[1].append(known)
    here, back = (np.array(part, np.float64).reshape(-1, len(MEASURES)) for part in rows)
    return Measured(here, np.array(same[0], np.float64), back, np.array(same[1], np.float64))


def _known(shared: float, visible: float) -> bool | None:
    if visible >= _SEEN and shared >= _SAME:
        return True
    if visible <= _HIDDEN or shared <= _OTHER:
        return False
    return None


def _fitted(x: FloatArray, same: BoolArray) -> tuple[FloatArray, float]:
    """Logistic regression in which both kinds count alike, and no measure may speak against what it means.

    Left free, measures that nearly say the same get weights of opposite signs, which hold only where they were learned.
    """
    side = np.where(same, -1.0, 1.0)
    share = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def loss(p: FloatArray) -> tuple[float, FloatArray]:
        z = side * (x @ p[:-1] + p[-1])
        slope = -side * share / (1 + np.exp(z))
        value = float(share @ np.logaddexp(0, -z)) + _SHRINK / 2 * float(p[:-1] @ p[:-1])
        return value, np.append(slope @ x + _SHRINK * p[:-1], slope.sum())

    bounds = [(0, None) if farther else (None, 0) for farther in _FARTHER] + [(None, None)]
    found = minimize(loss, np.zeros(len(bounds)), jac=True, bounds=bounds, method="L-BFGS-B").x
    return found[:-1], float(found[-1])


def _rule(of: Measured) -> tuple[Rule, dict[str, Any]]:
    x = np.concatenate([of.here, of.back])
    y = np.concatenate([of.same, of.back_same]) > 0
    if min(int(y.sum()), int((~y).sum())) < 50:
        raise CalibrationError(
            f"{int(y.sum())} places that are the target, {int((~y).sum())} that are not: too few to learn a rule from. "
            "Next: more sequences."
        )
    centre, scale = x.mean(0), x.std(0) + 1e-9
    weight, offset = _fitted((x - centre) / scale, y)
    rule = Rule(tuple(centre.tolist()), tuple(scale.tolist()), tuple(weight.tolist()), offset)
    here = np.array([rule.distance(row) for row in of.here])
    back = np.array([rule.distance(row) for row in of.back])
    threshold = float(np.quantile(here[of.same > 0], 1 - _DOUBTED))
    others = back[of.back_same == 0]
    stricter = min(threshold, float(np.quantile(others, _TAKEN)) if len(others) else threshold)
    facts = {
        "doubted": _DOUBTED, "taken": _TAKEN, "same": int(y.sum()), "other": int((~y).sum()),
        "others_below": float((here[of.same == 0] < threshold).mean()) if (of.same == 0).any() else None,
        "back_below": float((back[of.back_same > 0] < stricter).mean()) if (of.back_same > 0).any() else None,
    }  # fmt: skip
    return replace(rule, threshold=threshold, back=stricter), facts
