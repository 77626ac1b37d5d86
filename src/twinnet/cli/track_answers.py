"""What the commands of `twinnet track` do and print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twinnet.apps.track import calibrate, evaluate, find_sequences, gather, learn, load_tracker, ours, track
from twinnet.apps.track.boxes import parse_box
from twinnet.apps.track.figures import write_figures
from twinnet.apps.track.file import Tracker
from twinnet.apps.track.learn import LearnConfig
from twinnet.apps.track.learn import trained as as_tracker
from twinnet.apps.track.pick import pick_boxes
from twinnet.cli.progress import bars
from twinnet.cli.render import notes, print_json, say
from twinnet.core.errors import ConfigError
from twinnet.evaluation import bare, report_json
from twinnet.evaluation.tracking import PROTOCOL
from twinnet.training.facts import versions


def followed(
    words: Sequence[str], boxes: Sequence[str], interactive: bool, out: Path | None, csv: Path | None,
    preview: Path | None, every: int, json: bool,
) -> None:  # fmt: skip
    """A summary of each target; the rows go into the CSV."""
    if len(words) > 2:
        raise ConfigError(f"one video at a time, after at most one tracker; got {', '.join(words)}.")
    if not boxes and not interactive:
        raise ConfigError("say what to follow: --box x,y,width,height in pixels of the first frame, or --interactive.")
    source, tracker = words[-1], load_tracker(words[0] if len(words) == 2 else None)
    given = [parse_box(text) for text in boxes] + (pick_boxes(source) if interactive else [])
    done = track(source, given, tracker, out=out, table=csv, preview=preview, every=every, progress=bars())
    n = len(given)
    notes(f"skipped {one.item}: {one.reason}" for one in done.skipped)
    if done.broken:
        notes([f"{source}: {done.broken}. What came before was followed."])
    if json:
        counts = {"frames": done.frames, "targets": n, "skipped": len(done.skipped)}
        counts |= {
            state: sum(row.state == state for row in done.rows) for state in ("found", "unsure", "lost", "unread")
        }
        answer = report_json("track", None, {}, counts, source, tracker.fingerprint, None, versions())
        targets = [
            {"target": k, "lost": done.lost(k), "last": [round(float(v), 2) for v in done.rows[k - n].box],
             "state": done.rows[k - n].state} for k in range(n)
        ]  # fmt: skip
        print_json({**answer, "targets": targets, "broken": done.broken or None})
        return
    for k in range(n):
        last = done.rows[k - n]
        where = ",".join(f"{value:.0f}" for value in last.box)
        which = f"target {k}: " if n > 1 else ""
        say(f"{which}{done.frames:,} frames, {last.state} at {where} in the last; {_spans(done.lost(k))}")
    for path in done.written:
        say(f"written: {path}")


def trained(
    data: Sequence[Path], out: Path, steps: int, start: Path | None, sequences: int, seed: int, json: bool
) -> None:
    """The twin learns, then its rule is learned on staged sequences."""
    material = gather(data)
    notes(f"skipped {one.item}: {one.reason}" for one in material.skipped)
    before: Tracker | None = load_tracker(start) if start else None
    config = LearnConfig(steps=steps, seed=seed)
    net, facts = learn(
        material, config, start=before.net if before else None, checkpoint=out.with_name(out.name + ".checkpoint"),
        progress=bars(),
    )  # fmt: skip
    tracker = calibrate(
        as_tracker(net, facts, before), material.stills, sequences=sequences, seed=seed, progress=bars()
    )
    tracker.save(out)
    if json:
        metrics = {name: bare(float(facts[name])) for name in ("found_again", "found_again_by_filter")}
        counts = {
            "steps": steps,
            "stills": len(material.stills),
            "sequences": len(material.labelled),
            "skipped": len(material.skipped),
        }
        said = ", ".join(map(str, data)) or "invented pictures"
        print_json(report_json("track train", None, metrics, counts, said, tracker.fingerprint, seed, versions()))
        return
    say(f"found again: {facts['found_again']:.0%}; by the filter of one view: {facts['found_again_by_filter']:.0%}")
    say(f"written: {out}")


def evaluated(data: Path, model: Path | None, figures: Path | None, restarts: bool, json: bool) -> None:
    """A line for each sequence, and the means."""
    tracker = load_tracker(model)
    found, skipped = find_sequences(data)
    result = evaluate(found, ours(tracker), restarts=restarts, skipped=skipped, progress=bars())
    notes(f"skipped {one.item}: {one.reason}" for one in result.skipped)
    written = write_figures("twinnet", result, figures) if figures else []
    rows = [_row(one) for one in result.judged]
    if json:
        names = ("auc", "precision", "normalised_precision")
        metrics = {name: bare(result.mean(name)) for name in names}
        metrics["fps"] = bare(sum(one.fps for one in result.judged) / len(rows))
        counts = {
            "sequences": len(rows),
            "frames": sum(len(one.boxes) for one in result.judged),
            "skipped": len(result.skipped),
        }
        answer = report_json(
            "track evaluate", PROTOCOL, metrics, counts, str(data), tracker.fingerprint, None, versions()
        )
        print_json({**answer, "sequences": rows})
        return
    for row in rows:
        again = f", {row['failures']} failures" if restarts else ""
        say(
            f"{row['name']}: AUC {row['auc']:.3f} ({row['strict_auc']:.3f} with lost frames as 0), "
            f"precision {row['precision']:.0%}, "
            f"normalised {row['normalised_precision']:.3f}{again}, "
            f"lost in {row['lost']} of {row['frames']} frames, {row['fps']:.0f} frames/s"
        )
    say(f"mean AUC {result.mean('auc'):.3f}, precision {result.mean('precision'):.0%} ({len(rows)} sequences)")
    for path in written:
        say(f"written: {path}")


def _row(one: Any) -> dict[str, Any]:
    again = {"failures": one.restarts.failures, "accuracy": one.restarts.accuracy} if one.restarts else {}
    return {
        "name": one.name, "frames": len(one.boxes), "auc": one.figures.auc, "strict_auc": one.strict_auc,
        "precision": one.figures.precision,
        "normalised_precision": one.figures.normalised_precision, **again, "lost": one.lost, "fps": one.fps,
    }  # fmt: skip


def _spans(spans: Sequence[tuple[int, int]]) -> str:
    if not spans:
        return "never lost"
    return "lost in frames " + ", ".join(f"{first}–{last}" if last > first else f"{first}" for first, last in spans)
