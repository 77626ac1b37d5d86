"""What is written into a model about its training, so that a result carries where it came from."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from twinnet.core.version import __version__
from twinnet.data.dataset import Dataset
from twinnet.data.load import ImageStore
from twinnet.training.config import TrainConfig
from twinnet.training.loop import Learned
from twinnet.training.machine import Machine


def identity_marks(names: Iterable[str]) -> list[str]:
    """A short digest of each identity's name, in order: enough to notice one again, too little to read it."""
    return [hashlib.blake2b(name.encode(), digest_size=6).hexdigest() for name in names]


def identity_names(data: Dataset | None) -> list[str]:
    """The names of the identities that have an item in `data`."""
    if data is None or data.identities is None:
        return []
    return [data.identity_names[i] for i in np.unique(data.identities)]


def training_facts(
    data: Dataset,
    train: Dataset,
    held_out: dict[str, Dataset],
    stores: Sequence[ImageStore],
    config: TrainConfig,
    learned: Learned,
    machine: Machine,
    seconds: float,
) -> dict[str, Any]:
    """JSON-able facts: the data, the split, the settings, the run and the machine."""
    skipped = [skip for store in stores for skip in store.skipped]
    return {
        "data": data.source,
        "summary": data.summary(),
        "train": {"items": len(train), "identities": train.n_identities},
        "held_out": {name: {"items": len(d), "identities": d.n_identities} for name, d in held_out.items()},
        "trained_identities": sorted(
            identity_marks(identity_names(train) + identity_names(held_out.get("validation")))
        ),
        "skipped": len(skipped),
        "skipped_first": f"{skipped[0].item}: {skipped[0].reason}" if skipped else "",
        "config": config.to_dict(),
        "steps": learned.steps,
        "items_seen": learned.items,
        "seconds": round(seconds, 1),
        "training_seconds": round(learned.seconds, 1),
        "stopped": learned.stopped,
        "best_validation_eer": learned.best_eer,
        "history": learned.history,
        "machine": {"device": str(machine.device), "dtype": str(machine.dtype), "cores": os.cpu_count()},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What made it."""
    return {
        "twinnet": __version__,
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": sys.platform,
    }
