"""Every picture of a folder of identities to its crop, and a note beside them of how they were made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image as Pillow

from twinnet.apps.faces.crop import SIZE_PX, crop
from twinnet.apps.faces.face import Detector, find
from twinnet.core.errors import ConfigError, DataError, UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Image, Skipped
from twinnet.data import open_dataset

NOTE = "faces.json"


@dataclass(frozen=True, slots=True)
class CropNote:
    """How the crops of a folder were made; `crop_folder` writes it beside them and `train_faces` keeps it."""

    detected: bool = True
    size_px: int = SIZE_PX


@dataclass(frozen=True, slots=True)
class Cropped:
    """What became of a folder: how many crops, pictures with several faces, and which were passed over."""

    written: int
    several: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def crop_folder(
    source: str | Path,
    out: str | Path,
    detector: Detector,
    *,
    size_px: int = SIZE_PX,
    progress: Progress = SILENT,
) -> Cropped:
    """Crop the largest face of every picture of `source` (a folder or zip of identities) into `out`, as PNG.

    Folders and names stay. Unreadable pictures and those without a face are skipped and listed. Raises ConfigError
    where `out` holds something else already, DataError where no face was found at all.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and read_note(out) is None)):
        raise ConfigError(f"{out} is there already and holds no crops. Next: give a new folder.")
    data = open_dataset(source)
    taken: dict[str, str] = {}
    several, skipped = [], list(data.skipped)
    with progress.task("cropping", len(data)) as task:
        for i, key in enumerate(data.keys):
            task.advance()
            name = str(PurePosixPath(key).with_suffix(".png"))
            if name in taken:  # a.jpg and a.png are two pictures
                name = f"{key}.png"
            try:
                image = data.read(i)
            except UnreadableItem as error:
                skipped.append(Skipped(key, error.reason))
                continue
            found = find(image, detector)
            if found.face is None:
                skipped.append(Skipped(key, found.says))
                continue
            if found.n > 1:
                several.append(key)
            taken[name] = key
            write_png(out / name, crop(image, found.face, size_px=size_px))
    if not taken:
        raise DataError(
            f"{source}: no face was found in any of {len(data):,} pictures. Next: look at some of them; faces should "
            "be upright and at least about 30 pixels wide."
        )
    (out / NOTE).write_text(json.dumps(asdict(CropNote(True, size_px))), encoding="utf-8")
    return Cropped(len(taken), tuple(several), tuple(skipped))


def write_png(path: Path, image: Image) -> None:
    """Write `(H, W, 1 or 3)` uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(image[:, :, 0] if image.shape[2] == 1 else np.ascontiguousarray(image)).save(path)


def read_note(folder: str | Path) -> CropNote | None:
    """The note in a folder of crops, or None where there is none that can be read."""
    try:
        values = json.loads((Path(folder) / NOTE).read_text(encoding="utf-8"))
        return CropNote(bool(values["detected"]), int(values["size_px"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
