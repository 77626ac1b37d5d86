"""Where the defects really are: each bad image's mask, found by name and read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import DataError, UnreadableItem
from twinnet.core.types import Skipped
from twinnet.data.decode import decode
from twinnet.data.geometry import grey

_WHITE = 127


def read_masks(
    images: Sequence[Path], bad: Path, masks: Path
) -> tuple[dict[Path, npt.NDArray[np.bool_]], list[Skipped]]:
    """Of the images that have one, the mask `(H, W)`, true where the defect is; and masks that could not be read.

    Of `bad/crack/7.jpg` it is `masks/crack/7.png`, or else `masks/7.png` if no other image is called 7. Raises
    DataError where no image has a mask.
    """
    count = Counter(image.stem for image in images)
    found: dict[Path, npt.NDArray[np.bool_]] = {}
    skipped: list[Skipped] = []
    ambiguous = 0
    for image in images:
        inside = image.relative_to(bad) if image.is_relative_to(bad) else Path(image.name)
        file = masks / inside.with_suffix(".png")
        if not file.exists():
            file = masks / f"{image.stem}.png"
            if file.exists() and count[image.stem] > 1:
                ambiguous += 1
                continue
        if not file.exists() or file == image:
            continue
        try:
            found[image] = grey(decode(file))[:, :, 0] > _WHITE
        except UnreadableItem as error:
            skipped.append(Skipped(str(file), error.reason))
    if not found:
        why = f"{ambiguous} would fit several images of one name" if ambiguous else "none has the name of a bad image"
        raise DataError(f"{masks}: no mask could be used: {why}. Next: lay them out as the bad images, ending in .png.")
    return found, skipped
