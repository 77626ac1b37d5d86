"""Does the same content stand on both sides of a split? By the bytes of the files and by their decoded pixels."""

from __future__ import annotations

import hashlib

import numpy as np

from twinnet.core.errors import LeakError, UnreadableItem
from twinnet.core.progress import SILENT, Progress, Task
from twinnet.data.dataset import Dataset
from twinnet.data.parallel import each


def shared_content(a: Dataset, b: Dataset, progress: Progress = SILENT) -> list[tuple[str, str]]:
    """For each item of `b` whose content `a` has too, `(key in a, key in b)`, in the order of `b`.

    Content is the same where the files are, byte for byte, or where they decode to the same pixels: a copy saved
    anew without loss is found, a rescaled or recompressed one is not. Grey stored as colour counts as grey. Items
    that cannot be decoded are compared by their bytes.
    """
    with progress.task("Comparing content", len(a) + len(b)) as task:
        known: dict[bytes, str] = {}
        for key, prints in zip(a.keys, _all_prints(a, task), strict=True):
            for one in prints:
                known.setdefault(one, key)
        found = (
            (next((known[one] for one in prints if one in known), None), key)
            for key, prints in zip(b.keys, _all_prints(b, task), strict=True)
        )
        return [(first, second) for first, second in found if first is not None]


def assert_disjoint(a: Dataset, b: Dataset, progress: Progress = SILENT) -> None:
    """Raise `LeakError`, naming the first few, where `a` and `b` share content."""
    if shared := shared_content(a, b, progress):
        first = ", ".join(f"{left} = {right}" for left, right in shared[:3])
        more = ", …" if len(shared) > 3 else ""
        raise LeakError(
            f"{len(shared):,} of {len(b):,} items of {b.source} have the same content as an item of {a.source}: "
            f"{first}{more}. Next: remove them from one side, or results on the other will be too good"
        )


def _all_prints(dataset: Dataset, task: Task) -> list[list[bytes]]:
    prints: list[list[bytes]] = []
    for some in each(len(dataset), lambda i: _prints(dataset, i)):
        prints += some
        task.advance(len(some))
    return prints


def _prints(dataset: Dataset, i: int) -> list[bytes]:
    """The fingerprints of one item: of its bytes and of its pixels, as far as there are any."""
    prints: list[bytes] = []
    try:
        prints.append(_digest(b"bytes", dataset.raw(i)))
        pixels = dataset.read(i)  # (H, W, C)
    except UnreadableItem:
        return prints
    if pixels.shape[2] == 3 and (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, :1]
    prints.append(_digest(b"pixels%d,%d,%d" % pixels.shape, np.ascontiguousarray(pixels).tobytes()))
    return prints


def _digest(kind: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16, key=kind).digest()
