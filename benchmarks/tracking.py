"""Tracking: AUC, precision, failures and speed on labelled sequences, beside other trackers; and on staged sequences.

    pip install opencv-contrib-python-headless   # the other trackers; it takes the place of opencv-python-headless
    python benchmarks/tracking.py --data tracking --staged 40 --speed --figures docs/figures --json tracking.json

`--rotate` also answers what labels are worth: for each sequence, weights are taught further and settings chosen on the
others only. Every tracker gets the same frames and the same first box, in the same run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_sample_images

from twinnet.apps.track import (
    Evaluated,
    Follower,
    LearnConfig,
    Material,
    Tracker,
    evaluate,
    find_sequences,
    learn,
    load_tracker,
    ours,
)  # fmt: skip
from twinnet.apps.track.figures import alone, sequence_figure, success_figure
from twinnet.apps.track.judged import Starts, Step
from twinnet.apps.track.staged import Staged, staged
from twinnet.apps.track.textures import invented_picture
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, Image
from twinnet.decide import clopper_pearson
from twinnet.evaluation.tracking import overlap, success

OURS = "twinnet"
GRID = {"window": (0.3, 0.6), "damping": (1.0, 3.0)}
SURFACES = 99  # seed
FRAMES = 100  # of a staged sequence
LOST_WITHIN, BACK_WITHIN, BACK_AT = 5, 10, 0.5  # frames, frames, overlap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of sequences: frames and groundtruth.txt")
    parser.add_argument("--model", type=Path, help="a tracker; by default the one that ships")
    parser.add_argument("--staged", type=int, default=0, help="how many staged sequences")
    parser.add_argument(
        "--rotate", action="store_true", help="teach and tune on all sequences but one, report that one"
    )
    parser.add_argument("--steps", type=int, default=100, help="of teaching further, with --rotate")
    parser.add_argument(
        "--speed", action="store_true", help="frames per second with 1, 2, 4 and 8 targets at 320 × 240"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-restarts", action="store_true")
    parser.add_argument("--figures", type=Path, help="folder for the curves of each sequence, and of the staged ones")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tracker = load_tracker(args.model)
    found: dict[str, Any] = {"fingerprint": tracker.fingerprint, "facts": dict(tracker.facts)}
    starts = {OURS: ours(tracker)} | ({} if args.no_peers else peers(args.threads))
    if args.data:
        found["sequences"] = on_sequences(args.data, starts, not args.no_restarts, args.figures)
    if args.rotate:
        found["rotated"] = rotated(args.data, tracker, args.steps)
    if args.staged:
        found["staged"] = on_staged(args.staged, starts, args.figures)
    if args.speed:
        found["speed"] = speed(tracker)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


def peers(threads: int) -> dict[str, Starts]:
    """OpenCV's trackers, and the patch of the first frame sought by normalised cross-correlation."""
    import cv2

    cv2.setNumThreads(threads)
    makers = {
        "CSRT": cv2.TrackerCSRT.create, "KCF": cv2.TrackerKCF.create, "MIL": cv2.TrackerMIL.create,
        "MOSSE": cv2.legacy.TrackerMOSSE.create,
    }  # fmt: skip
    return {name: _opencv(make) for name, make in makers.items()} | {"NCC": _correlation(cv2)}


def _opencv(make: Callable[[], Any]) -> Starts:
    def start(frame: Image, box: FloatArray) -> Step:
        tracker, last = make(), box
        tracker.init(_bgr(frame), tuple(round(float(v)) for v in box))

        def step(frame: Image) -> tuple[FloatArray, str]:
            nonlocal last
            known, found = tracker.update(_bgr(frame))
            last = np.array(found, float) if known else last  # where it says nothing, its last box counts
            return last, "found" if known else "lost"

        return step

    return start


def _correlation(cv2: Any) -> Starts:
    def start(frame: Image, box: FloatArray) -> Step:
        x, y, w, h = (round(float(v)) for v in box)
        patch = _bgr(frame)[max(0, y) : y + h, max(0, x) : x + w]

        def step(frame: Image) -> tuple[FloatArray, str]:
            at = cv2.minMaxLoc(cv2.matchTemplate(_bgr(frame), patch, cv2.TM_CCOEFF_NORMED))[3]
            return np.array([*at, patch.shape[1], patch.shape[0]], float), "found"

        return step

    return start


def _bgr(frame: Image) -> Image:
    return np.ascontiguousarray(np.repeat(frame, 3, 2) if frame.shape[2] == 1 else frame[:, :, ::-1])


def on_sequences(data: Path, starts: dict[str, Starts], restarts: bool, figures: Path | None) -> dict[str, Any]:
    sequences, skipped = find_sequences(data)
    rows = {name: evaluate(sequences, start, restarts=restarts, skipped=skipped) for name, start in starts.items()}
    table = Table(title=f"{data}: one pass; failures by VOT's restarts")
    for column in ("tracker", *(s.name for s in sequences), "mean AUC", "lost = 0", "precision", "normalised",
                   "failures", "frames/s"):  # fmt: skip
        table.add_column(column)
    out: dict[str, Any] = {}
    for name, evaluated in rows.items():
        out[name] = figures_of(evaluated)
        fails = sum(j.restarts.failures for j in evaluated.judged if j.restarts) if restarts else None
        table.add_row(
            name, *(f"{j.figures.auc:.3f}" for j in evaluated.judged), f"{evaluated.mean('auc'):.3f}",
            f"{np.mean([j.strict_auc for j in evaluated.judged]):.3f}",
            f"{evaluated.mean('precision'):.3f}", f"{evaluated.mean('normalised_precision'):.3f}",
            "–" if fails is None else str(fails), " ".join(f"{j.fps:.0f}" for j in evaluated.judged),
        )  # fmt: skip
    Console(width=140).print(table)
    if figures:
        figures.mkdir(parents=True, exist_ok=True)
        for judged in rows[OURS].judged:
            (figures / f"tracking-{judged.name}.svg").write_text(alone(sequence_figure(judged)))
    return out


def figures_of(evaluated: Evaluated) -> dict[str, Any]:
    return {
        j.name: {
            "auc": j.figures.auc, "strict_auc": j.strict_auc, "precision": j.figures.precision,
            "normalised": j.figures.normalised_precision,
            "fps": j.fps, "lost": j.lost, "failures": j.restarts.failures if j.restarts else None,
            "accuracy": j.restarts.accuracy if j.restarts else None,
        }
        for j in evaluated.judged
    }  # fmt: skip


def rotated(data: Path, tracker: Tracker, steps: int) -> dict[str, Any]:
    """Each sequence by weights and settings that never saw it."""
    sequences, _ = find_sequences(data)
    out: dict[str, Any] = {}
    table = Table(title=f"each by a tracker taught ({steps} steps) and tuned on the others")
    for column in ("sequence", "AUC as shipped", "AUC taught and tuned on the others", "settings chosen"):
        table.add_column(column)
    for held in sequences:
        others = [s for s in sequences if s is not held]
        config = LearnConfig(steps=steps, width=tracker.net.width, dim=tracker.net.dim, rate=5e-4)
        net, facts = learn(Material(labelled=others), config, start=tracker.net)
        best, chosen = -1.0, tracker
        for values in itertools.product(*GRID.values()):
            settings = replace(tracker.settings, **dict(zip(GRID, values, strict=True)))
            tried = Tracker(net, settings, tracker.rule, facts)
            auc = evaluate(others, ours(tried), restarts=False).mean("auc")
            best, chosen = max((best, chosen), (auc, tried), key=lambda pair: pair[0])
        as_shipped, here = (evaluate([held], ours(t), restarts=False).mean("auc") for t in (tracker, chosen))
        said = {name: getattr(chosen.settings, name) for name in GRID}
        out[held.name] = {"shipped": as_shipped, "auc": here, "on_others": best, "settings": said}
        table.add_row(held.name, f"{as_shipped:.3f}", f"{here:.3f}", ", ".join(f"{k} {v:g}" for k, v in said.items()))
    Console(width=120).print(table)
    return out


def on_staged(n: int, starts: dict[str, Starts], figures: Path | None) -> dict[str, Any]:
    """Patches of invented surfaces over photographs; a thing in front hides them whole for 12 to 24 frames.

    The surfaces are of a seed that neither training nor calibration used.
    """
    scenes = [_scene(k) for k in range(n)]
    out = {name: [_staged(scene, start) for scene in scenes] for name, start in starts.items()}
    table = Table(title=f"{n} staged sequences of {FRAMES} frames, 320 × 240; AUC where at least half is in sight")
    for column in ("tracker", "AUC", "lost = 0", "lost within 5 frames", "found within 10 frames", "lost in sight",
                   "found while hidden"):  # fmt: skip
        table.add_column(column)
    summary: dict[str, Any] = {}
    for name, rows in out.items():
        s = {k: float(np.mean([row[k] for row in rows])) for k in ("auc", "strict", "lost", "back", "false", "held")}
        said = {k: clopper_pearson(sum(row[k] for row in rows), n) for k in ("lost", "back")}
        summary[name] = s | {f"{k}_interval": [i.low, i.high] for k, i in said.items()}
        summary[name]["each"] = [{k: row[k] for k in (*s,)} for row in rows]
        table.add_row(
            name, f"{s['auc']:.3f}", f"{s['strict']:.3f}",
            *(f"{s[k]:.0%} ({i.low:.0%}–{i.high:.0%})" for k, i in said.items()),
            f"{s['false']:.1%}", f"{s['held']:.0%}",
        )  # fmt: skip
    Console(width=140).print(table)
    if figures:
        write_figures(figures, scenes, out)
    return summary


def _scene(k: int) -> Staged:
    photographs = [np.asarray(image) for image in load_sample_images().images]
    things = [invented_picture(stream(SURFACES, "benchmark", k, i)) for i in range(4)]
    return staged([photographs[k % 2]], [photographs[1 - k % 2], *things], 10_000 + k, frames=FRAMES)


def _staged(scene: Staged, start: Starts) -> dict[str, Any]:
    step = start(scene.frames[0], scene.boxes[0])
    steps = [(scene.boxes[0], "found"), *(step(frame) for frame in scene.frames[1:])]
    boxes, states = np.stack([box for box, _ in steps]), np.array([state for _, state in steps])
    lost, shared, sight = states == "lost", overlap(boxes, scene.boxes), scene.visible >= 0.5
    hidden = np.flatnonzero(scene.visible < 0.02)
    # Back is the target where, after the last hidden frame, all of it is in sight again.
    again = next((k for k in range(hidden[-1], len(boxes)) if scene.visible[k] > 0.95), len(boxes) - 1)
    back = [k for k in range(again, min(again + BACK_WITHIN + 1, len(boxes))) if shared[k] > BACK_AT and not lost[k]]
    return {
        "auc": float(success(shared[sight]).mean()), "strict": float(success(np.where(lost, 0, shared)[sight]).mean()),
        "lost": bool(lost[hidden[0] : hidden[0] + LOST_WITHIN + 1].any()), "back": bool(back),
        "false": float(lost[sight].mean()), "held": float((states[hidden] == "found").mean()),
        "boxes": boxes, "states": states.tolist(),
    }  # fmt: skip


def write_figures(folder: Path, scenes: Sequence[Staged], rows: dict[str, list[dict[str, Any]]]) -> None:
    """Success of all; the first sequence in which our target was lost and found again, and a strip of its frames."""
    from PIL import Image as Pillow

    from twinnet.apps.track.judged import Judged
    from twinnet.apps.track.video import Drawn, draw_boxes
    from twinnet.evaluation.tracking import one_pass

    folder.mkdir(parents=True, exist_ok=True)
    truths = [np.where(scene.visible[:, None] >= 0.5, scene.boxes, np.nan) for scene in scenes]
    every = {
        name: Evaluated([
            Judged(f"staged {k}", row["boxes"], row["states"], one_pass(row["boxes"], truth), None, 0.0)
            for k, (row, truth) in enumerate(zip(of_one, truths, strict=True))
        ]) for name, of_one in rows.items()
    }  # fmt: skip
    (folder / "tracking-success.svg").write_text(alone(success_figure(every)))
    k = next((k for k, row in enumerate(rows[OURS]) if row["lost"] and row["back"]), 0)
    shown, scene = every[OURS].judged[k], scenes[k]
    (folder / "tracking-overlap.svg").write_text(alone(sequence_figure(shown)))
    hidden = np.flatnonzero(scene.visible < 0.02)
    picked = [0, 30, int(hidden[0]) - 3, int(hidden[len(hidden) // 2]), int(hidden[-1]) + 12, FRAMES - 1]
    strip = [
        draw_boxes(scene.frames[i], [Drawn(shown.boxes[i], f"frame {i + 1}", shown.states[i] == "lost")])
        for i in picked
    ]
    pictures = [np.concatenate(strip[i : i + 3], 1) for i in (0, 3)]
    Pillow.fromarray(np.concatenate(pictures)).save(folder / "tracking-staged.jpg", quality=85)


def speed(tracker: Tracker) -> dict[str, float]:
    """Frames per second, mean over 100 frames of a staged sequence, with several targets of like size."""
    photographs = [np.asarray(image) for image in load_sample_images().images]
    scene = staged([photographs[0]], [photographs[1]], 77, hide=False)
    rng, out = np.random.default_rng(0), {}
    table = Table(title=f"frames per second at 320 × 240, {torch.get_num_threads()} threads")
    for column in ("targets", "frames/s", "CPU ms per frame"):
        table.add_column(column)
    for n in (1, 2, 4, 8):
        boxes = [scene.boxes[0]] + [np.array([*rng.uniform([10, 10], [260, 180]), 36, 36]) for _ in range(n - 1)]
        follower = Follower(tracker.embed, scene.frames[0], boxes, tracker.settings, tracker.rule)
        wall, cpu = time.perf_counter(), time.process_time()
        for frame in scene.frames[1:101]:
            follower.step(frame)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        out[str(n)] = 100 / wall
        out[f"{n}_cpu_ms"] = 10 * cpu
        table.add_row(str(n), f"{100 / wall:.0f}", f"{10 * cpu:.1f}")
    Console().print(table)
    return out


if __name__ == "__main__":
    main()
