"""The certificate: a golden set is replayed through torch, ONNX and int8, and every verdict is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import LeakError, TwinnetError
from twinnet.core.progress import Progress
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.data import Dataset, load, open_dataset
from twinnet.engine import Embeddings, Engine
from twinnet.model import Model
from twinnet.training.calibration import seen_identities

TOLERANCE = 1e-4
"""By how much a distance of the float file may move, as a share of the threshold (or of the mean distance)."""

Images = npt.NDArray[np.uint8]
_PAIRS = 20_000
_BATCH = 256
_NOISE = 64


class ParityError(TwinnetError):
    """An exported model does not decide as the model it came from."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What replaying the golden set showed. Moves are shares of the threshold; EERs only with labelled identities.

    `int8_flipped` counts pairs on which float at `threshold` and int8 at `int8_threshold` disagree.
    """

    images: int
    pairs: int
    tolerance: float
    largest_move: float
    flipped: int
    threshold: float | None = None
    int8_largest_move: float | None = None
    int8_flipped: int | None = None
    int8_threshold: float | None = None
    eer: float | None = None
    int8_eer: float | None = None


@dataclass(frozen=True, slots=True)
class Golden:
    """Images as the network takes them `(N, H, W, C)`, and pairs of them; `known` where their labels are real."""

    images: Images
    first: IntArray
    second: IntArray
    same: BoolArray
    known: bool

    def distances(self, embed: Callable[[Images], Embeddings], paired: Callable[..., FloatArray]) -> FloatArray:
        """`(P,)` of all its pairs."""
        parts = [embed(self.images[i : i + _BATCH]) for i in range(0, len(self.images), _BATCH)]
        embedded = np.concatenate(parts)
        return np.asarray(paired(embedded[self.first], embedded[self.second]), np.float64)

    def by(self, engine: Engine) -> FloatArray:
        """`distances` by an exported model."""
        return self.distances(engine.embed_images, engine.paired)


def golden_set(
    model: Model, golden: str | Path | Dataset | None, accept_seen: bool, seed: int, progress: Progress
) -> Golden:
    """From a folder, or of noise. Raises LeakError for identities that taught the model."""
    if golden is None:
        p = model.preprocess
        noise = stream(seed, "golden").integers(0, 256, (_NOISE, p.height, p.width, p.channels), np.uint8)
        return Golden(noise, *_pairs(np.arange(_NOISE) // 2, seed), known=False)
    data = golden if isinstance(golden, Dataset) else open_dataset(golden)
    if (seen := seen_identities(model, data)) and not accept_seen:
        raise LeakError(
            f"{len(seen)} identities of {data.source} taught this model, such as {seen[0]}: a threshold learned on "
            "them would promise too much. Next: give identities that training never saw."
        )
    store = load(data, model.preprocess, progress=progress)
    return Golden(store.images(np.arange(len(store))), *_pairs(store.dataset.labels(), seed), known=True)


def moved(before: FloatArray, after: FloatArray, unit: float) -> float:
    """The largest move as a share of `unit`."""
    return float(np.abs(after - before).max() / max(unit, 1e-9))


def _pairs(labels: IntArray, seed: int) -> tuple[IntArray, IntArray, BoolArray]:
    """All pairs, or as many genuine and impostor ones by chance."""
    first, second = np.triu_indices(len(labels), 1)
    same = labels[first] == labels[second]
    rng, keep = stream(seed, "golden pairs"), []
    for kind in (same, ~same):
        rows = np.flatnonzero(kind)
        keep.append(rows if len(rows) <= _PAIRS // 2 else np.sort(rng.choice(rows, _PAIRS // 2, replace=False)))
    rows = np.concatenate(keep)
    return first[rows], second[rows], same[rows]
