"""Where batches come from: stored images by identity, given pairs or triplets, or an endless generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from twinnet.core.seeds import stream
from twinnet.core.types import IntArray, Pairs, Triplets
from twinnet.data.invented import InventedCharacters
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.pairs import PKSampler, TupleSampler


@dataclass(frozen=True, slots=True)
class Batch:
    """Images `(B, H, W, C)` uint8, or features `(B, F, H, W)` float32, and what is known of them: labels `(B,)`, pairs,
    or triplets.
    """

    images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    relation: IntArray | Pairs | Triplets


class BatchSource(Protocol):
    """Gives the batch of a step; the same step always gives the same batch, which is what makes resuming exact.

    Its labels are below `n_classes`, which is 0 where there are none, or no end of them.
    """

    steps_per_epoch: int
    n_classes: int

    def batch(self, step: int) -> Batch: ...


class StoredIdentities:
    """P×K batches from a store; with `turns`, each block of a batch is turned by a random quarter as a whole, and with
    `mirror` half of the blocks are mirrored.
    """

    def __init__(self, store: ImageStore, sampler: PKSampler, *, turns: bool = False, mirror: bool = False) -> None:
        self._store, self._sampler = store, sampler
        self._quarters, self._sides = 4 if turns else 1, 2 if mirror else 1
        self.steps_per_epoch = max(1, len(store.dataset) // (sampler.p * sampler.k))
        self.n_classes = sampler.n_identities * self._quarters * self._sides

    def batch(self, step: int) -> Batch:
        """The images of this step and their labels."""
        chosen = self._sampler.batch(step)
        images, kinds = self._store.images(chosen.items), self._quarters * self._sides
        if kinds == 1:
            return Batch(images, chosen.labels)
        # A whole alphabet on its side, or in a mirror, is a new alphabet: its characters differ from each other as
        # before.
        kind = stream(self._sampler.seed, "turns", step).integers(kinds, size=chosen.block.max() + 1)
        turned = np.empty_like(images)
        for block, of in enumerate(kind):
            ours = chosen.block == block
            quarter = np.rot90(images[ours], of % self._quarters, axes=(1, 2))
            turned[ours] = quarter[:, :, ::-1] if of >= self._quarters else quarter
        return Batch(turned, kinds * chosen.labels + kind[chosen.block])


class StoredTuples:
    """Batches of given pairs or triplets from a store; every item of a batch is embedded once."""

    n_classes = 0

    def __init__(self, store: ImageStore, sampler: TupleSampler, n_tuples: int) -> None:
        self._store, self._sampler = store, sampler
        self.steps_per_epoch = max(1, n_tuples // sampler.size)

    def batch(self, step: int) -> Batch:
        """The distinct images of this step and the tuples as rows of them."""
        items, tuples = self._sampler.batch(step)
        return Batch(self._store.images(items), tuples)


class StoredFeatures:
    """Batches as the two above, but of stored features `(N, V, F)`: each item by one of its V views, drawn anew."""

    def __init__(self, features: npt.NDArray[np.float32], sampler: PKSampler | TupleSampler, n: int) -> None:
        self._features, self._sampler = features, sampler
        size = sampler.p * sampler.k if isinstance(sampler, PKSampler) else sampler.size
        self.steps_per_epoch = max(1, n // size)
        self.n_classes = sampler.n_identities if isinstance(sampler, PKSampler) else 0

    def batch(self, step: int) -> Batch:
        """The features of this step, and their labels or the tuples as rows of them."""
        relation: IntArray | Pairs | Triplets
        if isinstance(self._sampler, PKSampler):
            chosen = self._sampler.batch(step)
            items, relation = chosen.items, chosen.labels
        else:
            items, relation = self._sampler.batch(step)
        view = stream(self._sampler.seed, "views", step).integers(self._features.shape[1], size=len(items))
        return Batch(self._features[items, view][:, :, None, None], relation)


class StoredPlanes:
    """P×K batches of described pictures `(N, P, H, W)`, whatever they are stored as, in float32."""

    def __init__(self, planes: npt.NDArray[Any], sampler: PKSampler) -> None:
        self._planes, self._sampler = planes, sampler
        self.steps_per_epoch = max(1, len(planes) // (sampler.p * sampler.k))
        self.n_classes = sampler.n_identities

    def batch(self, step: int) -> Batch:
        """The planes of this step and their labels."""
        chosen = self._sampler.batch(step)
        return Batch(self._planes[chosen.items].astype(np.float32), chosen.labels)


class EndlessCharacters:
    """P×K batches of invented characters: new identities at every step, none ever twice."""

    steps_per_epoch = 1000  # an epoch of an endless set is a convention
    n_classes = 0

    def __init__(self, characters: InventedCharacters, preprocess: Preprocess, p: int, k: int, *, seed: int) -> None:
        self._characters, self._preprocess = characters, preprocess
        self._p, self._k, self._seed = p, k, seed

    def batch(self, step: int) -> Batch:
        """The images of this step and their labels."""
        labels = np.repeat(np.arange(self._p), self._k)
        drawn = self._characters.draw(step * self._p + labels, stream(self._seed, "drawing", step))
        return Batch(np.stack([self._preprocess.apply(image) for image in drawn]), step * self._p + labels)


class ShuffledItems:
    """Plain batches for a classifier: every item once an epoch, in a new order."""

    def __init__(self, store: ImageStore, size: int, *, seed: int) -> None:
        self._store, self._seed = store, seed
        self._size = min(size, len(store))
        self._labels = np.unique(store.dataset.labels(), return_inverse=True)[1]
        self.n_classes = int(self._labels.max()) + 1
        self.steps_per_epoch = max(1, len(store) // self._size)

    def batch(self, step: int) -> Batch:
        """The images of this step and their class numbers `(B,)` in 0 … classes − 1."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = stream(self._seed, "epoch", epoch).permutation(len(self._store))
        rows = order[position * self._size : (position + 1) * self._size]
        return Batch(self._store.images(rows), self._labels[rows])
