"""Which good patches are kept, for the nearest to be asked (PatchCore; Roth et al. 2022): embeddings of a twin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from twinnet.apps.anomalies.patches import coreset
from twinnet.core.seeds import stream
from twinnet.engine.places import Bank, Patches

_OF_EACH = 1_000  # candidates of one image: all of thousands of images would not fit into memory


def collect(found: Sequence[Patches], seed: int) -> Bank:
    """A coreset of good images' patch embeddings, each `(N, D)`."""
    some = np.concatenate(found)
    spread = np.asarray(some.std(0) + 1e-6, np.float32)
    return Bank(coreset(some / spread, seed), spread)


def sample(found: Patches, seed: int, i: int) -> npt.NDArray[np.float32]:
    """At most 1,000 patches of an image, `(I, J, D)` → `(N, D)`."""
    flat = found.reshape(-1, found.shape[-1])
    return flat[stream(seed, "patches", i).permutation(len(flat))[:_OF_EACH]]
