"""From good images to a scorer: teach a twin, keep good patches, and measure what is usual at good places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinnet.apps.anomalies.nearest import collect, sample
from twinnet.apps.anomalies.scorers import Taught, Twin, look
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.data.plane import Map
from twinnet.engine.places import Bank, Patches

_MOST_SEEN = 300  # images that patches are kept from
_JUDGED = 200  # patches of one image by which the usual distance is measured
_LEAST = 1e-3  # a deviation below it is none


def settled(net: Twin, good: Sequence[Map], size_px: int, seed: int, progress: Progress = SILENT) -> Taught:
    """The scorer of a taught twin; `good` are the standardised images that it was taught on, and no others."""
    if len(good) > _MOST_SEEN:
        good = [good[i] for i in np.sort(stream(seed, "seen").choice(len(good), _MOST_SEEN, replace=False))]
    odds, found = [], []
    with progress.task("remembering good patches", len(good)) as task:
        for i, image in enumerate(good):
            seen, patches = look(net, image)
            odds.append(seen.ravel())
            found.append(sample(patches, seed, i))
            task.advance(1)
    bank = collect(found, seed)
    near = _near(found, bank, seed)
    all_odds = np.concatenate(odds)
    usual = (all_odds.mean(), max(all_odds.std(), _LEAST), near.mean(), max(near.std(), _LEAST))
    return Taught(net, size_px, bank, tuple(float(value) for value in usual))  # type: ignore[arg-type]


def _near(found: Sequence[Patches], bank: Bank, seed: int) -> Map:
    """Distances of every second image's patches from the other images': an image's own patches would be at 0."""
    some = np.concatenate(found[::2]) / bank.spread
    kept = stream(seed, "others").permutation(len(some))[: len(bank.patches)]
    others = Bank(some[kept], bank.spread)
    return np.concatenate([others.distances(one[None, :_JUDGED])[0] for one in found[1::2]])
