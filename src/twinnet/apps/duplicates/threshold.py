"""The threshold, learned on the folder itself: altered copies are the same, a picture and a mirrored other are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinnet.apps.duplicates import overlay
from twinnet.apps.duplicates.altered import KINDS, alter
from twinnet.apps.duplicates.search import agreement, candidates, candidates_within
from twinnet.apps.duplicates.sketch import Sketches, sketch, vectors_of
from twinnet.core.errors import CalibrationError, UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray, Interval
from twinnet.data import Dataset
from twinnet.decide import clopper_pearson, far_supported, impostors_needed

MOST = 2000  # pictures among which impostor pairs are looked for: 4 million pairs
_COPIED = 100  # pictures of which altered copies are made
_NET = 0.005  # of the known copies, those that the quick search may miss
_WITHIN, _MARGIN = 0.97, 1.1  # the threshold lies a tenth beyond where this share of known copies lies
_FAMILY = 1.5  # times as far as that: nearer pictures may be copies, so only one of them is taken
FAR = 1e-4
PARTNERS = 0.1
"""Without an asked FAR: at most one of ten pictures has a false partner, and FAR is 1e-4 at most."""
_HIGHEST = 0.35
"""No threshold above this distance, whatever is asked: there, two pictures share two thirds of their detail."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Copies are at a distance below `value`; `net` is the agreement that the quick search asks for.

    `far` is the rate at which different pictures are called copies, per pair, and `frr` that at which known copies are
    missed, both as measured on this folder, with 95 % intervals; `found` is the share that is found, by alteration.
    """

    value: float
    net: float
    asked_far: float
    far: Interval
    frr: Interval
    found: dict[str, Interval]
    n_genuine: int
    n_impostor: int


def learn(
    data: Dataset, known: Sketches, *, far: float | None = None, seed: int = 0, progress: Progress = SILENT
) -> Threshold:
    """The largest threshold with at most the asked FAR among impostor pairs, and hardly larger than known copies need.

    Two pictures of a folder may be copies of each other, so they cannot serve as impostors as they are. One of each
    family of look-alikes is taken, and compared with the mirror images of the others: what these show is as much like
    other pictures as before, but it is a copy of none. Of `far` None it is 0.1 / N and at most 1e-4, or what so few
    pairs can support. Raises CalibrationError where the folder has too few pictures for the asked rate.
    """
    rng = stream(seed, "copies")
    able = np.flatnonzero(~known.blank)
    genuine, agreed, kinds = _known_copies(data, known, able, rng, seed, progress)
    net = float(max(0.0, np.quantile(agreed, _NET))) if len(agreed) else 0.9
    distance = np.where(agreed >= net, genuine, 1.0)
    usual = float(np.quantile(genuine, _WITHIN)) if len(genuine) else 0.0
    near, n = _impostors(known, able, net, min(_HIGHEST, _FAMILY * usual), rng, progress)
    if n == 0 or not len(genuine):
        raise CalibrationError(
            f"{data.source}: too few different pictures to learn a threshold on. Next: give one, with --threshold."
        )
    asked = max(far_supported(n), min(FAR, PARTNERS / len(known))) if far is None else far
    if n < impostors_needed(asked):
        raise CalibrationError(
            f"FAR {asked:g} needs {impostors_needed(asked):,} pairs of different pictures to be claimed at 95 %; this "
            f"folder gives {n:,}. Next: ask for --far {far_supported(n):.2g} or more."
        )
    allowed = int(asked * n)
    # Nearer than half of the known copies is no chance, but one that is the other's mirror image, as of arrows.
    ranked = np.sort(near[near > np.median(genuine)])
    first = float(ranked[allowed]) if len(ranked) > allowed else _HIGHEST
    # No looser than known copies need: what lies farther gains little, and look-alikes are there too.
    below = distance[distance < first]
    value = min(first, _MARGIN * float(np.quantile(below, _WITHIN))) if len(below) else 0.0
    return Threshold(
        value=value,
        net=net,
        asked_far=asked,
        far=clopper_pearson(int((ranked < value).sum()), n),
        frr=clopper_pearson(int((distance >= value).sum()), len(distance)),
        found={
            kind: clopper_pearson(int((distance[kinds == k] < value).sum()), int((kinds == k).sum()))
            for k, kind in enumerate(KINDS)
            if (kinds == k).any()
        },
        n_genuine=len(distance),
        n_impostor=n,
    )


def _known_copies(
    data: Dataset, known: Sketches, able: IntArray, rng: np.random.Generator, seed: int, progress: Progress
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Distances, agreements and kinds `(G,)` of a sample's altered copies."""
    chosen = rng.permutation(able)[:_COPIED]
    at, small, colour, kinds = [], [], [], []
    with progress.task("altering", len(chosen)) as task:
        for row in chosen:
            task.advance(1)
            try:
                image = data.read(int(known.rows[row]))
            except UnreadableItem:
                continue  # it went away since it was read
            for k, kind in enumerate(KINDS):
                if kind == "grey" and image.shape[2] == 1:
                    continue
                one = sketch(alter(image, kind, stream(seed, "altered", int(row), kind)))
                at.append(row)
                small.append(one[0])
                colour.append(one[1])
                kinds.append(k)
    if not at:
        return np.empty(0), np.empty(0), np.empty(0, np.int64)
    small_b, rows = np.stack(small), np.array(at)
    vectors = vectors_of(small_b).astype(np.float16)
    a = known.vectors[rows]
    agreed = np.concatenate(
        [agreement(x[None].astype(np.float32), y[None].astype(np.float32))[0] for x, y in zip(a, vectors, strict=True)]
    )
    d = overlay.distances(known.small[rows], known.colour[rows], a, small_b, np.stack(colour), vectors)
    return d, agreed.astype(np.float64), np.array(kinds)


def _impostors(
    known: Sketches, able: IntArray, net: float, kin: float, rng: np.random.Generator, progress: Progress
) -> tuple[FloatArray, int]:
    """Distances of those impostor pairs that pass the net, and how many pairs there are in all."""
    chosen = _unlike(known, np.sort(rng.permutation(able)[:MOST]), net, kin)
    mirrored = np.ascontiguousarray(known.small[chosen][:, :, ::-1])
    colour = np.ascontiguousarray(known.colour[chosen][:, :, ::-1])
    vectors = vectors_of(mirrored).astype(np.float16)
    found: list[FloatArray] = []
    with progress.task("comparing", len(chosen)) as task:
        for first, second in candidates(known.vectors[chosen], vectors, net):
            i, j = first[first != second], second[first != second]
            a = chosen[i]
            d = overlay.distances(known.small[a], known.colour[a], known.vectors[a], mirrored[j], colour[j], vectors[j])
            found.append(d[d < _HIGHEST])
        task.advance(len(chosen))
    n = len(chosen) * (len(chosen) - 1)
    return np.concatenate(found) if found else np.empty(0), n


def _unlike(known: Sketches, rows: IntArray, net: float, kin: float) -> IntArray:
    """Of `rows (N,)` one of each family: pictures joined by distances below `kin`."""
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    edges = [np.empty((2, 0), np.int64)]
    for _, i, j in candidates_within(known.vectors[rows], net):
        near = overlay.between(known, rows[i], rows[j]) < kin
        edges.append(np.stack([i[near], j[near]]))
    ends = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(ends.shape[1]), tuple(ends)), shape=(len(rows), len(rows)))
    family = connected_components(graph, directed=False)[1]
    return rows[np.unique(family, return_index=True)[1]]
