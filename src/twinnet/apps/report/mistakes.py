"""Who and what it gets wrong: the hardest pairs, the worst identities, the groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinnet.apps.report.words import percent
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.data import Dataset, ImageStore
from twinnet.decide import WeightedRates, clopper_pearson, over_identities
from twinnet.evaluation import Result
from twinnet.page import Picture

FEW = 10  # pairs: below this a rate of one identity says little
MOST_GROUPS = 40


def hardest(result: Result, store: ImageStore, each: int = 6) -> list[Picture]:
    """The impostor pairs that look most alike, and the genuine pairs that look least alike; no item comes twice."""
    return hardest_of(result, store, False, each) + hardest_of(result, store, True, each)


def hardest_of(result: Result, store: ImageStore, genuine: bool, each: int = 6) -> list[Picture]:
    """The `each` hardest pairs of one kind."""
    d, same = result.arrays["distances"], result.arrays["same"]
    first, second = result.arrays["first"], result.arrays["second"]
    kind, order = (same, -d) if genuine else (~same, d)
    word = "genuine pair, far" if genuine else "impostor pair, near"
    pictures: list[Picture] = []
    used: set[int] = set()
    for at in np.flatnonzero(kind)[np.argsort(order[kind], kind="stable")]:
        pair = {int(first[at]), int(second[at])}
        if used & pair:
            continue
        used |= pair
        # Of a genuine pair both names are one.
        names = " · ".join(dict.fromkeys(name_of(store.dataset, int(i)) for i in (first[at], second[at])))
        images = [store.dataset.read(int(i)) for i in (first[at], second[at])]
        pictures.append(Picture(images, f"{names}: distance {d[at]:.3f}", f"{word}: {names}"))
        if len(pictures) == each:
            break
    return pictures


@dataclass(frozen=True, slots=True)
class Own:
    """One identity's own errors: `wrong` of `pairs`."""

    identity: int
    wrong: int
    pairs: int


def worst_identities(result: Result, identities: IntArray, threshold: float, genuine: bool, most: int = 6) -> list[Own]:
    """Identities whose genuine pairs are rejected most, or who are taken for others most (Doddington et al. 1998).

    Ordered by the lower end of their rate's Clopper–Pearson interval, so that two of two does not come before ninety of
    a hundred. Those without an error are left out.
    """
    d, same = result.arrays["distances"], result.arrays["same"]
    kind = same if genuine else ~same
    wrong = (d >= threshold if genuine else d < threshold)[kind]
    a, b = identities[result.arrays["first"][kind]], identities[result.arrays["second"][kind]]
    n = int(identities.max()) + 1
    ends = (a,) if genuine else (a, b)  # an impostor pair counts for both of its people
    pairs = sum((np.bincount(end, minlength=n) for end in ends), np.zeros(n, np.int64))
    errors = sum((np.bincount(end[wrong], minlength=n) for end in ends), np.zeros(n, np.int64))
    found = [Own(int(i), int(errors[i]), int(pairs[i])) for i in np.flatnonzero(errors)]
    return sorted(found, key=lambda own: (-clopper_pearson(own.wrong, own.pairs).low, own.identity))[:most]


def identity_pictures(worst: list[Own], store: ImageStore, genuine: bool) -> list[Picture]:
    """Two items of each identity, and its own rate."""
    data, what = store.dataset, "rejected" if genuine else "taken for the same"
    rows = data.by_identity()
    pictures = []
    for own in worst:
        name = data.identity_names[own.identity]
        rate = clopper_pearson(own.wrong, own.pairs)
        few = "; few pairs" if own.pairs < FEW else ""
        caption = f"{name}: {own.wrong:,} of {own.pairs:,} pairs {what}, {percent(rate)}{few}"
        images = [data.read(int(i)) for i in rows[own.identity][:2]]
        pictures.append(Picture(images, caption, f"items of {name}"))
    return pictures


def group_rows(result: Result, data: Dataset, threshold: float | None, seed: int) -> list[list[str]]:
    """Name, pairs, EER, FAR and FRR of each group, highest EER first; impostor pairs are those inside the group."""
    if data.groups is None or data.identities is None:
        return []
    d, same = result.arrays["distances"], result.arrays["same"]
    first, second = result.arrays["first"], result.arrays["second"]
    found = []
    for group in np.unique(data.groups):
        inside = (data.groups[first] == group) & (data.groups[second] == group)
        n_genuine, n_impostor = int(same[inside].sum()), int((~same[inside]).sum())
        name, counts = data.group_names[group], [f"{n_genuine:,}", f"{n_impostor:,}"]
        if not n_genuine or not n_impostor:
            found.append((-1.0, [name, *counts, "–", "–", "–"]))
            continue
        a, b = data.identities[first[inside]], data.identities[second[inside]]
        rates = _rates(d[inside], same[inside], a, b, threshold, seed)
        found.append((rates[0][0], [name, *counts, *(text for _, text in rates)]))
    return [row for _, row in sorted(found, key=lambda pair: (-pair[0], pair[1][0]))]


def _rates(
    d: FloatArray, same: BoolArray, a: IntArray, b: IntArray, threshold: float | None, seed: int
) -> list[tuple[float, str]]:
    rates = WeightedRates(d, same, threshold)
    eer, _, _, far, frr = over_identities(rates, a, b, pairs=rates.pairs, replicates=100, seed=seed)
    return [(i.point, percent(i)) if i is eer or threshold is not None else (0.0, "–") for i in (eer, far, frr)]


def name_of(data: Dataset, i: int) -> str:
    """What an item is called on the page: its identity, or its key where it has none."""
    return data.keys[i] if data.identities is None else data.identity_names[data.identities[i]]
