"""What each protocol reads, where that is not any folder, zip or CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.data import Dataset, lfw_pairs, open_dataset

KIND_OF = {"lake20": "omniglot-runs", "lake20-assignment": "omniglot-runs", "koch": "omniglot"}
"""How DATA is read for a protocol, unless a kind is given."""


def open_for(
    protocol: str,
    source: str | Path,
    *,
    kind: str | None = None,
    root: str | Path | None = None,
    pairs: str | Path | None = None,
) -> Dataset:
    """Open `source` as the protocol needs it; of LFW only the images that the `pairs` file names.

    Raises as `open_dataset` does, and ConfigError where none of the pairs can be made.
    """
    known = open_dataset(source, kind=kind or KIND_OF.get(protocol), root=root)
    if protocol != "lfw" or pairs is None:
        return known
    found, _, missing = lfw_pairs(pairs).find(known.keys)
    if not len(found):
        raise ConfigError(
            f"{source} has none of the images that {pairs} names, such as {missing[0].item}. "
            "Next: give the folder that has <name>/<name>_0001.jpg"
        )
    return known.subset(np.unique(np.concatenate([found.first, found.second])))
