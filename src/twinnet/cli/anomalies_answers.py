"""How the anomalies' commands ask and answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import typer

from twinnet.apps.anomalies import Detector, FitConfig, Inspected, fit, judge
from twinnet.apps.anomalies.judge import pixel_auroc
from twinnet.apps.anomalies.masks import read_masks
from twinnet.cli.progress import bars
from twinnet.cli.render import figures, notes, print_json, say
from twinnet.core.errors import DataError, EmptyDataset
from twinnet.core.types import Skipped
from twinnet.data.decode import decode
from twinnet.decide.conformal import cross_bound
from twinnet.evaluation import bare, report_json
from twinnet.model import load
from twinnet.page.heat import overlaid
from twinnet.training.facts import versions

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".gif"}


def fitted(
    good: Path, out: Path, rate: float, minutes: float, steps: int, way: Literal["auto", "split", "cross"],
    model: Path | None, by: Literal["patches", "whole"], eyes: Literal["own", "lite0"], group: bool,
    turns: bool, seed: int, json: bool,
) -> None:  # fmt: skip
    """Learn, save, say what is promised."""
    files = pictures([good])
    config = FitConfig(rate=rate, minutes=minutes, steps=steps, way=way, by=by, eyes=eyes, turns=turns, seed=seed)
    known = load(model) if model else None
    detector = fit(files, config, groups=_groups(files, good) if group else None, model=known, progress=bars())
    detector.save(out)
    facts = detector.facts
    counts = {"good_samples": facts["good_samples"], "held_out": facts["held_out"], "skipped": facts["skipped"]}
    if json:
        metrics = {"rate": bare(rate), "smallest_rate": bare(detector.smallest_rate)}
        print_json(_report("fit", metrics, counts, str(good), facts["model"]) | {"way": facts["way"]})
        return
    say(f"{out}: learned from {counts['good_samples']:,} good images, {counts['skipped']} skipped")
    say(promise(detector))


def promise(detector: Detector) -> str:
    """What holds for good samples to come."""
    what = "objects" if detector.facts.get("groups") else "samples"
    if detector.cross:
        bound = cross_bound(detector.rate, len(detector.good), len(detector.scorers))
        return (
            f"of good {what}, about {detector.rate:.1%} will raise an alarm; {bound:.0%} at most is guaranteed "
            f"({len(detector.good)} held out in turn)"
        )
    return (
        f"of good {what}, at most {detector.rate:.1%} will raise an alarm ({len(detector.good)} were held out for this)"
    )


def inspected(detector: Path, images: Sequence[Path], heat_maps: Path | None, json: bool) -> None:
    """A line for each image."""
    known, files = Detector.load(detector), pictures(images)
    found, skipped = _all(known, files)
    if heat_maps is not None:
        heat_maps.mkdir(parents=True, exist_ok=True)
        full = float(np.quantile(known.good, 0.99)) * 2
        for i, one in enumerate(found):
            name = f"{i:05d}-{Path(one.item).stem}.png"  # numbered: two folders may hold the same name
            overlaid(decode(Path(one.item)), one.heat, full=full).save(heat_maps / name)
    alarms = sum(one.alarm for one in found)
    if json:
        rows = [{"item": one.item, "distance": one.distance, "p": one.p, "alarm": one.alarm} for one in found]
        counts = {"images": len(found), "alarms": alarms, "skipped": len(skipped)}
        print_json(_report("inspect", {}, counts, str(images[0]), known.facts["model"]) | {
            "images": rows, "skipped": [{"item": one.item, "reason": one.reason} for one in skipped],
            "promise": promise(known),
        })  # fmt: skip
    else:
        for one in found:
            say(f"{'ALARM' if one.alarm else 'good '} p = {one.p:.3f}, distance {one.distance:.4f}: {one.item}")
        notes(f"skipped {one.item}: {one.reason}" for one in skipped)
        say(f"{alarms} of {len(found)} raised an alarm; {promise(known)}")
    if alarms:
        raise typer.Exit(1)


def evaluated(detector: Path, good: Path, bad: Path, masks: Path | None, group: bool, json: bool) -> None:
    """Figures on known samples."""
    known = Detector.load(detector)
    good_files, bad_files = pictures([good]), pictures([bad])
    if masks is not None:
        # A mask may lie beside its picture: 7.png beside 7.jpg is no second bad image.
        pictured = {file.with_suffix("") for file in bad_files if file.suffix.lower() != ".png"}
        bad_files = [f for f in bad_files if f.suffix.lower() != ".png" or f.with_suffix("") not in pictured]
    good_found, good_skipped = _all(known, good_files)
    bad_found, bad_skipped = _all(known, bad_files)
    groups = _groups([Path(one.item) for one in good_found], good) if group else None
    groups = groups and [*groups, *(f"bad/{name}" for name in _groups([Path(one.item) for one in bad_found], bad))]
    metrics = dict(judge(good_found, bad_found, groups=groups))
    if masks is not None:
        seen = {Path(one.item): one.heat for one in bad_found}
        truths, unread = read_masks(list(seen), bad, masks)
        metrics["pixel_auroc"] = bare(pixel_auroc([seen[image] for image in truths], list(truths.values())))
        bad_skipped += unread
    skipped = good_skipped + bad_skipped
    counts = {"good": len(good_found), "bad": len(bad_found), "skipped": len(skipped)}
    if json:
        print_json(_report("evaluate", metrics, counts, str(bad), known.facts["model"]) | {"promise": promise(known)})
        return
    figures(f"{len(good_found)} good and {len(bad_found)} bad images", metrics)
    notes(f"skipped {one.item}: {one.reason}" for one in skipped)
    say(promise(known))


def watched(detector: Path, images: Sequence[Path], rate: float, group: bool, json: bool) -> None:
    """Whether there is drift by now."""
    known, files = Detector.load(detector), pictures(images)
    if known.facts.get("groups") and not group:
        raise DataError(
            "this detector knows objects, not single pictures. Next: --group, one subfolder for each object."
        )
    found, skipped = _all(known, files)
    largest: dict[str, float] = {}
    for one in found:
        name = str(Path(one.item).parent) if group else one.item
        largest[name] = max(largest.get(name, -np.inf), one.first)
    alarm = known.watch(rate)
    alarm.add(list(largest.values()))
    at = list(largest)[alarm.seen - 1] if alarm.alarm else ""
    counts = {"images": len(found), "seen": alarm.seen, "skipped": len(skipped)}
    if json:
        metrics = {"wealth": bare(alarm.wealth)}
        print_json(
            _report("watch", metrics, counts, str(images[0]), known.facts["model"]) | {"alarm": alarm.alarm, "at": at}
        )
    else:
        notes(f"skipped {one.item}: {one.reason}" for one in skipped)
        odds = f"odds {alarm.wealth:,.3g} to 1; an alarm at {1 / rate:,.0f}"
        say(f"the stream has changed, at {at} ({odds})" if alarm.alarm else f"no change ({odds})")
    if alarm.alarm:
        raise typer.Exit(1)


def pictures(paths: Sequence[Path]) -> list[Path]:
    """Files as they are; of folders all images, by name. Raises EmptyDataset for none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix.lower() in _PICTURES and file.is_file())
        else:
            found.append(path)
    if not found:
        raise EmptyDataset(f"{', '.join(map(str, paths))}: no images there. Next: check the path.")
    return found


def _all(known: Detector, files: Sequence[Path]) -> tuple[list[Inspected], list[Skipped]]:
    found: list[Inspected] = []
    skipped: list[Skipped] = []
    for one in known.inspect_all(files, [str(file) for file in files], progress=bars()):
        (found if isinstance(one, Inspected) else skipped).append(one)  # type: ignore[arg-type]
    if not found:
        raise DataError(
            f"none of {len(files)} images could be read; the first: {skipped[0].item}: {skipped[0].reason}."
        )
    return found, skipped


def _groups(files: Sequence[Path], folder: Path) -> list[str]:
    names = [file.relative_to(folder).parts for file in files]
    if any(len(parts) < 2 for parts in names):
        raise DataError(f"{folder}: --group takes one subfolder for each object. Next: put the images into subfolders.")
    return ["/".join(parts[:-1]) for parts in names]


def _report(command: str, metrics: Any, counts: dict[str, int], data: str, model: str) -> dict[str, Any]:
    return report_json(f"anomalies {command}", None, metrics, counts, data, model, None, versions())
