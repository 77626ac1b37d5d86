"""Verify, enrol and identify people in whole photos: find the face, crop it as training did, compare, say all of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from twinnet.apps.faces.crop import SIZE_PX, crop
from twinnet.apps.faces.face import Detector, Found, find
from twinnet.apps.faces.liveness import Liveness, LivenessCheck, liveness_of
from twinnet.apps.gallery import Gallery
from twinnet.core.errors import DataError, UnreadableItem
from twinnet.core.types import Decision, Image, Item, Skipped
from twinnet.data.decode import decode
from twinnet.gallery import Keep, Match, Receipt
from twinnet.model import Model


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in one picture. `crop` is PNG bytes of what the model is shown, None where there is no face;
    `found` is None where nobody looked, because the picture is a crop already.
    """

    name: str
    found: Found | None
    crop: bytes | None

    @property
    def says(self) -> str:
        """In words."""
        return "taken as a crop" if self.found is None else self.found.says


@dataclass(frozen=True, slots=True)
class Verified:
    """The answer to *is this the same person?*; `decision` is None where a picture has no face."""

    a: Seen
    b: Seen
    decision: Decision | None
    liveness: Liveness

    @property
    def accepted(self) -> bool:
        """The same person, sure enough, and not refused by a liveness check."""
        return _accepted(self.decision, self.liveness)


@dataclass(frozen=True, slots=True)
class Identified:
    """The answer to *who is this?*; no match is nobody that is enrolled, or no face (`seen` says which)."""

    seen: Seen
    matches: tuple[Match, ...]
    liveness: Liveness

    @property
    def accepted(self) -> bool:
        """Somebody enrolled, sure enough, and not refused by a liveness check."""
        first = self.matches[0] if self.matches else None
        return first is not None and first.same and not first.abstained and self.liveness != "failed"


def detector_size(model: Model) -> int | None:
    """The side of the crops that this model was trained on, or None where it was trained on pictures as they are."""
    note = model.facts.get("faces") or {}
    return int(note.get("size_px", SIZE_PX)) if note.get("detected") else None


def look(item: Item, detector: Detector | None, size_px: int = SIZE_PX) -> tuple[Seen, Image]:
    """The face of a picture, cropped, and the whole picture; without a detector the picture is the crop.

    Raises UnreadableItem. No face is no error: the answer says so.
    """
    name = item if isinstance(item, str) else str(item) if isinstance(item, Path) else "picture"
    image = decode(item)
    if detector is None:
        return Seen(name, None, _png(image)), image
    found = find(image, detector)
    if found.face is None:
        return Seen(name, found, None), image
    return Seen(name, found, _png(crop(image, found.face, size_px=size_px))), image


def verify_faces(
    model: Model, a: Item, b: Item, detector: Detector | None, *, liveness: LivenessCheck | None = None
) -> Verified:
    """Is the person of `b` the person of `a`? `a` is the reference, `b` the probe, whose liveness may be checked.

    With `detector` None the pictures are taken as crops. Raises UnreadableItem, NotCalibrated.
    """
    size = detector_size(model) or SIZE_PX
    first, _ = look(a, detector, size)
    second, image = look(b, detector, size)
    alive = liveness_of(image, liveness)
    decision = model.verify(first.crop, second.crop) if first.crop and second.crop else None
    return Verified(first, second, decision, alive)


def identify_face(
    gallery: Gallery, probe: Item, detector: Detector | None, *, k: int = 1, liveness: LivenessCheck | None = None
) -> Identified:
    """Who is it? Raises UnreadableItem, NotCalibrated."""
    seen, image = look(probe, detector, detector_size(gallery.model) or SIZE_PX)
    alive = liveness_of(image, liveness)
    return Identified(seen, tuple(gallery.identify(seen.crop, k)) if seen.crop else (), alive)


def enrol_faces(
    gallery: Gallery, name: str, items: Sequence[Item], detector: Detector | None, *, keep: Keep = "prototype"
) -> tuple[Receipt, list[Seen], list[Skipped]]:
    """Enrol the largest face of each picture under one name; pictures without one, or unreadable, are skipped.

    Raises DataError where none is left.
    """
    size = detector_size(gallery.model) or SIZE_PX
    seen, skipped = [], []
    for item in items:
        try:
            one, _ = look(item, detector, size)
        except UnreadableItem as error:
            skipped.append(Skipped(error.item, error.reason))
            continue
        if one.crop is None:
            skipped.append(Skipped(one.name, one.says))
        else:
            seen.append(one)
    if not seen:
        first = skipped[0] if skipped else Skipped("no picture", "none was given")
        raise DataError(
            f"{name}: none of {len(items)} pictures has a face that can be used; {first.item}: {first.reason}. "
            "Next: give an upright photo with one face."
        )
    return gallery.enrol(name, [one.crop for one in seen if one.crop], keep=keep), seen, skipped


def _accepted(decision: Decision | None, liveness: Liveness) -> bool:
    return decision is not None and decision.same and not decision.abstained and liveness != "failed"


def _png(image: Image) -> bytes:
    """Without loss, and something that a gallery can keep as an original."""
    out = io.BytesIO()
    Pillow.fromarray(image[:, :, 0] if image.shape[2] == 1 else np.ascontiguousarray(image)).save(out, "PNG")
    return out.getvalue()
