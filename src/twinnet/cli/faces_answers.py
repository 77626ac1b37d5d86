"""How the faces' commands ask and answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from twinnet.apps.evaluate import evaluate
from twinnet.apps.evaluate.run import check
from twinnet.apps.faces import (
    Detector,
    Identified,
    LivenessCheck,
    Seen,
    Verified,
    crop,
    crop_folder,
    detector_size,
    enrol_faces,
    find,
    identify_face,
    read_note,
    train_faces,
    yunet,
)
from twinnet.apps.faces.folder import write_png
from twinnet.cli import gallery_answers
from twinnet.cli.progress import bars
from twinnet.cli.render import figures, notes, print_json, say
from twinnet.core.errors import ConfigError
from twinnet.core.types import Skipped
from twinnet.data.decode import decode
from twinnet.evaluation import bare, report_json
from twinnet.gallery import Keep
from twinnet.model import Model, card, load
from twinnet.training.facts import versions

NO_FACE = 1  # the exit code where there is nothing to answer about
_NO_LIVENESS = "liveness: not checked (a photograph of a face, held before the camera, would do as well)"


def one_crop(picture: Path, out: Path, detector: Detector, size: int, json: bool) -> None:
    """Crop one picture."""
    image = decode(picture)
    found = find(image, detector)
    target = out / f"{picture.stem}.png"
    if found.face:
        write_png(target, crop(image, found.face, size_px=size))
    if json:
        answer = report_json("faces detect", None, {}, {"faces": found.n}, str(picture), "", None, versions())
        seen = None if found.face is None else vars_of_face(found.face)
        print_json({**answer, "status": found.says, "face": seen, "written": str(target) if seen else None})
    else:
        say(f"{picture}: {found.says}" + (f"\nwritten: {target}" if found.face else ""))
    if not found.face:
        raise typer.Exit(NO_FACE)


def crops(source: Path, out: Path, detector: Detector, size: int, json: bool) -> None:
    """Crop a folder."""
    done = crop_folder(source, out, detector, size_px=size, progress=bars())
    if json:
        counts = {"written": done.written, "several_faces": len(done.several), "skipped": len(done.skipped)}
        answer = report_json("faces detect", None, {}, counts, str(source), "", None, versions())
        print_json({**answer, "several_faces": list(done.several), "skipped": _skipped(done.skipped)})
        return
    notes(f"skipped {one.item}: {one.reason}" for one in done.skipped)
    notes(f"{key}: several faces, the largest is used" for key in done.several)
    say(f"written: {done.written:,} crops of {size} × {size} pixels in {out}, {len(done.skipped):,} pictures skipped")
    say(f"next:    twinnet faces train {out} -o faces.twin")


def trained(
    folder: Path,
    out: Path,
    settings: dict[str, Any],
    *,
    start: Path | None,
    accept_leaks: bool,
    fresh: bool,
    json: bool,
) -> None:
    """Train, and show the card."""
    if read_note(folder) is None:
        notes([f"{folder} was not written by faces detect: its pictures are taken as crops, here and ever after"])
    model = train_faces(
        folder,
        out=out,
        resume=not fresh,
        accept_leaks=accept_leaks,
        tell=notes,
        start=start,
        progress=bars(),
        **settings,
    )
    if model.rule is None:
        notes(["too few people to spare for a threshold. Next: twinnet calibrate MODEL DATA, with other people"])
    facts = model.facts
    if json:
        metrics = {"best_validation_eer": bare(facts["best_validation_eer"])} if facts["best_validation_eer"] else {}
        counts = {"steps": facts["steps"], "items_seen": facts["items_seen"], "skipped": facts["skipped"]}
        mark = model.fingerprint
        print_json(report_json("faces train", None, metrics, counts, str(folder), mark, settings["seed"], versions()))
        return
    say(card(model))
    say(f"written: {out}")
    say(
        f"next:    twinnet faces verify {out} A.jpg B.jpg    or    twinnet faces enrol GALLERY NAME A.jpg --model {out}"
    )


def finder(model: Model, cropped: bool, file: Path | None) -> Detector | None:
    """The detector where this model wants crops of whole photos; None where pictures are taken as they are."""
    if cropped and file is not None:
        raise ConfigError("--cropped looks for no face, so --detector has nothing to do. Next: give one of them.")
    if cropped or (file is None and detector_size(model) is None):
        return None
    return yunet(file)


def imported(name: str | None) -> LivenessCheck | None:
    """The function behind `module:function`. The module must be installed: the working folder is not searched."""
    if name is None:
        return None
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ConfigError(f"--liveness takes MODULE:FUNCTION, such as my_checks:blink; got {name!r}.")
    before = list(sys.path)
    sys.path[:] = [place for place in before if place not in ("", ".", str(Path.cwd()))]
    try:
        function: Callable[..., Any] | None = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ConfigError(f"--liveness {name}: {error}. Next: install the package that has the check.") from error
    finally:
        sys.path[:] = before
    if not callable(function):
        raise ConfigError(f"--liveness {name}: {module} has no function {attribute!r}.")
    return function


def verified(model: Model, found: Verified, json: bool) -> None:
    """A 1:1 answer."""
    decision = found.decision
    if json:
        metrics = {}
        if decision is not None:
            metrics = {"distance": bare(decision.distance), "threshold": bare(decision.threshold)}
            metrics |= {"probability": bare(decision.probability)} if decision.probability is not None else {}
            metrics |= {"far": decision.far} if decision.far is not None else {}
        data = f"{found.a.name} {found.b.name}"
        answer = report_json("faces verify", None, metrics, {}, data, model.fingerprint, None, versions())
        print_json(
            {
                **answer, "status": "decided" if decision else "no face",
                "same": decision.same if decision else None, "abstained": decision.abstained if decision else None,
                "liveness": found.liveness, "accepted": found.accepted, "seen": [_seen(found.a), _seen(found.b)],
            }
        )  # fmt: skip
    else:
        for seen in (found.a, found.b):
            say(f"{seen.name}: {seen.says}")
        if decision is None:
            say("no answer: without a face there is nothing to compare")
        else:
            verdict = "too close to call" if decision.abstained else "the same person" if decision.same else "different"
            sign = "<" if decision.same else "≥"
            say(f"{verdict}: distance {decision.distance:.4f} {sign} threshold {decision.threshold:.4f}")
            if decision.probability is not None:
                say(f"probability of being the same: {decision.probability:.1%} (where half of the comparisons are)")
            if decision.far is not None:
                far = decision.far
                say(f"false accepts at this threshold: {far.point:.2%} [{far.low:.2%}, {far.high:.2%}] of strangers")
        _say_liveness(found.liveness)
    if decision is None:
        raise typer.Exit(NO_FACE)


def enrolled(
    path: str, name: str, images: list[Path], model: Path | None, keep: Keep, encrypt: bool, key_file: Path | None,
    cropped: bool, detector: Path | None, json: bool,
) -> None:  # fmt: skip
    """Enrol, and say which photos were used."""
    with gallery_answers.made(path, model, "float32", False, encrypt, key_file) as known:
        look = finder(known.model, cropped, detector)
        receipt, seen, skipped = enrol_faces(known, name, images, look, keep=keep)
        if not json:
            notes(f"skipped {one.item}: {one.reason}" for one in skipped)
            notes(f"{one.name}: {one.says}" for one in seen if one.found is not None and one.found.n > 1)
        counts = {"items": receipt.items, "templates": len(receipt.keys), "skipped": len(skipped)}
        gallery_answers.counted(
            known, "enrol", counts, json, f"{name}: {receipt.items} photos enrolled in {path}, {len(skipped)} skipped",
            identity=name, skipped=_skipped(skipped), seen=[_seen(one) for one in seen], command="faces enrol",
        )  # fmt: skip


def identified(
    path: str, image: Path, k: int, model: Path | None, key_file: Path | None, cropped: bool, detector: Path | None,
    liveness: str | None, json: bool,
) -> None:  # fmt: skip
    """A 1:N answer."""
    test = imported(liveness)
    with gallery_answers.opened(path, model, key_file) as known:
        found: Identified = identify_face(
            known, image, finder(known.model, cropped, detector), k=k, liveness=test
        )  # fmt: skip
        if not json:
            say(f"{image}: {found.seen.says}")
        more = {
            "command": "faces identify", "seen": _seen(found.seen), "liveness": found.liveness,
            "accepted": found.accepted, "status": "looked" if found.seen.crop else "no face",
        }  # fmt: skip
        none = "unknown: nobody enrolled is this near" if found.seen.crop else "no answer: there is no face to look up"
        gallery_answers.matched(known, "identify", image, found.matches, json, none, **more)
        if not json:
            _say_liveness(found.liveness)
    if found.seen.crop is None:
        raise typer.Exit(NO_FACE)


def evaluated(model: Path, data: Path, protocol: str, pairs: Path | None, shots: int, seed: int, json: bool) -> None:
    """Evaluate by a protocol."""
    options: dict[str, Any] = {"pairs": pairs} if pairs is not None else {}
    options |= {"shots": shots} if protocol in ("openset", "nway") else {}
    check(protocol, options)
    loaded = load(model)
    result = evaluate(loaded, data, protocol=protocol, seed=seed, progress=bars(), **options)
    wants = detector_size(loaded) is not None
    if wants and data.is_dir() and read_note(data) is None:
        notes([f"this model learned on crops of faces detect, and {data} was not written by it: crop it first"])
    notes(result.notes)
    if json:
        print_json(result.to_json("faces evaluate", versions()))
        return
    figures(f"{result.protocol} on {data}", result.metrics)
    say("counts: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items()))


def vars_of_face(face: Any) -> dict[str, Any]:
    """A face as JSON-able values."""
    box = face.box
    points = None if face.landmarks is None else face.landmarks.tolist()
    return {"box": [box.left, box.top, box.width, box.height], "landmarks": points, "confidence": face.confidence}


def _seen(seen: Seen) -> dict[str, Any]:
    found = seen.found
    face = None if found is None or found.face is None else vars_of_face(found.face)
    return {"picture": seen.name, "status": seen.says, "faces": None if found is None else found.n, "face": face}


def _say_liveness(liveness: str) -> None:
    if liveness == "not checked":
        say(_NO_LIVENESS)
    else:
        say(f"liveness: {liveness}" + (", so this is not accepted whoever it is" if liveness == "failed" else ""))


def _skipped(skipped: Any) -> list[dict[str, str]]:
    return [{"item": one.item, "reason": one.reason} for one in skipped if isinstance(one, Skipped)]
