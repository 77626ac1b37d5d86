"""How far a patch is from its nearest good one (PatchCore; Roth et al. 2022), on the embeddings of a twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.apps.anomalies.patches import Patches, coreset
from twinnet.core.seeds import stream
from twinnet.index import Exact

_OF_EACH = 1_000  # candidates of one image: all of thousands of images would not fit into memory


@dataclass(frozen=True)
class Bank:
    """Good patches `(N, D)`, each channel divided by its `spread (D,)`."""

    patches: Patches
    spread: Patches

    def distances(self, found: Patches) -> Patches:
        """`(I, J, D)` → distance of each from its nearest good one, `(I, J)`."""
        index = Exact(self.patches.shape[1])
        index.add(np.arange(len(self.patches)), self.patches)
        near = index.search(found.reshape(-1, found.shape[-1]) / self.spread, 1).distances[:, 0]
        return np.asarray(near.reshape(found.shape[:2]), np.float32)


def collect(found: Sequence[Patches], seed: int) -> Bank:
    """A coreset of good images' patch embeddings, each `(N, D)`."""
    some = np.concatenate(found)
    spread = np.asarray(some.std(0) + 1e-6, np.float32)
    return Bank(coreset(some / spread, seed), spread)


def sample(found: Patches, seed: int, i: int) -> npt.NDArray[np.float32]:
    """At most 1,000 patches of an image, `(I, J, D)` → `(N, D)`."""
    flat = found.reshape(-1, found.shape[-1])
    return flat[stream(seed, "patches", i).permutation(len(flat))[:_OF_EACH]]
