"""Protocol `robustness`: the reference stays clean, the probe is made worse; how fast does the EER rise?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.errors import ConfigError, DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import Image, IntArray, Interval, Pairs
from twinnet.data import Dataset, ImageStore, load
from twinnet.data.distort import LEVELS, STEPS, distort
from twinnet.data.parallel import each
from twinnet.decide import WeightedRates, joined, over_identities
from twinnet.evaluation import Result
from twinnet.model import Embeddings, Model
from twinnet.training.calibration import labelled_pairs

MAX_PAIRS = 20_000
MAX_SIDE_PX = 512
"""A larger picture is first reduced to this longer side, and worsened at that size."""
_AT_ONCE = 32  # items decoded, worsened and embedded together: bounds the memory, whatever the number of items

CONDITIONS = [(kind, step) for kind in LEVELS for step in range(1, STEPS + 1)]


def robustness(
    model: Model,
    data: Dataset | ImageStore,
    *,
    seed: int = 0,
    max_items: int = 600,
    max_pairs: int = MAX_PAIRS,
    replicates: int = 200,
    progress: Progress = SILENT,
) -> Result:
    """EER of clean pairs and of each distortion at each of its steps, on the same pairs throughout.

    Where there are more than `max_items` items, identities are drawn until they are that many; where those make more
    than `max_pairs` pairs, pairs are drawn as `verification` draws them. `metrics` are `eer_clean` and
    `eer_<distortion>_<step>`; `arrays` has `distortions (9,)`, `levels (9, 5)`, and `eer`, `low`, `high (9, 6)`, clean
    first. Raises ConfigError for fewer than 2 items, DataError or TooFewIdentities where no pairs can be made.
    """
    if max_items < 2:
        raise ConfigError(f"robustness needs at least 2 items; max_items is {max_items}.")
    known = data.dataset if isinstance(data, ImageStore) else data
    store = load(known.subset(some_items(known, max_items, seed)), model.preprocess, progress=progress)
    chosen = store.dataset
    pairs, first, second = _some_pairs(chosen, max_pairs, seed)
    clean, worse = _embedded(model, chosen, seed, progress)
    intervals = []
    with progress.task("judging distortions", 1 + len(CONDITIONS)) as task:
        for probes in (clean, *worse):
            distances = model.paired(clean[pairs.first], probes[pairs.second])
            rates = WeightedRates(distances, pairs.same)
            (eer,) = over_identities(
                lambda weights, rates=rates: rates(weights)[:1],  # type: ignore[misc]
                first, second, pairs=rates.pairs[:1], replicates=replicates, seed=seed,
            )  # fmt: skip
            intervals.append(eer)
            task.advance()
    names = ["eer_clean", *(f"eer_{kind}_{step}" for kind, step in CONDITIONS)]
    n_genuine = int(pairs.same.sum())
    counts = {
        "items": len(chosen),
        "identities": len(np.unique(np.concatenate([first, second]))),
        "genuine_pairs": n_genuine,
        "impostor_pairs": len(pairs) - n_genuine,
        "distortions": len(LEVELS),
        "steps": STEPS,
        "skipped": len(store.skipped),
    }
    return Result(
        "robustness", dict(zip(names, intervals, strict=True)), counts, known.source, model.fingerprint, seed,
        _notes(known, chosen), _table(intervals),
    )  # fmt: skip


def some_items(data: Dataset, most: int, seed: int) -> IntArray:
    """Items in order: all where they are few; otherwise those of drawn identities, or of drawn pairs or triplets."""
    n = len(data)
    if n <= most:
        return np.arange(n)
    rng = stream(seed, "robustness")
    drawn: list[int] = []
    for items in _drawn(data, most, rng):
        new = [int(i) for i in items if i not in set(drawn)]
        if len(drawn) + len(new) > most:
            break
        drawn += new
    return np.array(sorted(drawn), dtype=np.int64)


def _drawn(data: Dataset, most: int, rng: np.random.Generator) -> Iterator[IntArray]:
    if data.pairs is not None or data.triplets is not None:
        p, t = data.pairs, data.triplets
        table = np.stack([p.first, p.second] if p is not None else [t.anchor, t.positive, t.negative], axis=1)  # type: ignore[union-attr]
        yield from table[rng.permutation(len(table))]
        return
    rows = [items for items in data.by_identity().values() if len(items) > 1]
    # At most this many of one identity: a few people with hundreds of pictures must not be all there is.
    each_at_most = max(2, most // min(len(rows) or 1, most // 4 or 1))
    for at in rng.permutation(len(rows)):
        yield rng.permutation(rows[at])[:each_at_most]


def _some_pairs(data: Dataset, most: int, seed: int) -> tuple[Pairs, IntArray, IntArray]:
    pairs, first, second = labelled_pairs(data, max_pairs=most, seed=seed)
    if not pairs.same.any() or pairs.same.all():
        raise DataError(f"{data.source}: robustness needs pairs of both kinds. Next: give more items, or more pairs.")
    if len(pairs) > most:  # given pairs are not thinned by labelled_pairs
        keep = np.sort(stream(seed, "robustness", "pairs").choice(len(pairs), most, replace=False))
        pairs = Pairs(pairs.first[keep], pairs.second[keep], pairs.same[keep])
        first, second = first[keep], second[keep]
    if (first != second)[pairs.same].any():
        first, second = joined(first, second, pairs.same)
    return pairs, first, second


def _embedded(
    model: Model, data: Dataset, seed: int, progress: Progress
) -> tuple[Embeddings, npt.NDArray[np.floating]]:
    """Embeddings `(N, D)` of the clean pictures, and `(45, N, D)` of the worsened ones."""
    n = len(data)
    found = np.empty((1 + len(CONDITIONS), n, model.spec.dim), np.float32)

    def versions(i: int) -> npt.NDArray[np.uint8]:
        picture = reduced(data.read(i))
        worse = (distort(picture, kind, step, seed=seed, item=i) for kind, step in CONDITIONS)
        return np.stack([model.preprocess.apply(image) for image in (picture, *worse)])  # (46, H, W, C)

    with progress.task("worsening and embedding", n) as task:
        for start in range(0, n, _AT_ONCE):
            stop = min(start + _AT_ONCE, n)
            made = [stack for some in each(stop - start, lambda k, start=start: versions(start + k)) for stack in some]  # type: ignore[misc]
            for i, stack in zip(range(start, stop), made, strict=True):
                found[:, i] = model.embed_images(stack)
                task.advance()
    return found[0], found[1:]


def reduced(picture: Image) -> Image:
    """`(H, W, C)` with a longer side of at most `MAX_SIDE_PX`."""
    longest = max(picture.shape[:2])
    if longest <= MAX_SIDE_PX:
        return picture
    height, width = (max(1, round(side * MAX_SIDE_PX / longest)) for side in picture.shape[:2])
    flat = Pillow.fromarray(np.ascontiguousarray(picture[:, :, 0] if picture.shape[2] == 1 else picture))
    pixels = np.asarray(flat.resize((width, height), Pillow.Resampling.BILINEAR, reducing_gap=3.0))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _notes(known: Dataset, chosen: Dataset) -> tuple[str, ...]:
    notes = ["the reference of each pair stays clean, the probe is worsened before preprocessing"]
    if len(chosen) < len(known):
        notes.append(f"{len(chosen):,} of {len(known):,} items were drawn by the seed: every one is embedded 46 times")
    return tuple(notes)


def _table(intervals: list[Interval]) -> dict[str, npt.NDArray[np.generic]]:
    def rows(values: list[float]) -> npt.NDArray[np.float64]:
        worse = np.array(values[1:]).reshape(len(LEVELS), STEPS)
        return np.concatenate([np.full((len(LEVELS), 1), values[0]), worse], axis=1)

    return {
        "distortions": np.array(list(LEVELS)),
        "levels": np.array(list(LEVELS.values()), np.float64),
        "eer": rows([i.point for i in intervals]),
        "low": rows([i.low for i in intervals]),
        "high": rows([i.high for i in intervals]),
    }
