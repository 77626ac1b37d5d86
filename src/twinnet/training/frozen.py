"""A head on a frozen backbone: the features of all pictures first, then the same loop over them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from twinnet.core.progress import Progress
from twinnet.data.augment import AUGMENTS
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.encoders.adapters import Adapted
from twinnet.training.config import TrainConfig
from twinnet.training.features import FeatureFolder, Features, features_of
from twinnet.training.machine import Machine

_LOOKED_AT = 512  # pictures that tell the size of the features of a backbone that is fine-tuned


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Features `(N, 1 + views, F)` of the training pictures and `(N, 1, F)` of those that choose the checkpoint."""

    train: Features
    validation: Features | None
    seconds: float


def freeze(
    encoder: Adapted,
    stores: Sequence[ImageStore | None],
    preprocess: Preprocess,
    config: TrainConfig,
    machine: Machine,
    folder: Path | None,
    progress: Progress,
) -> Frozen | None:
    """Compute or take up the features of the training and the validation store, and set the head to their size.

    None where the backbone is not frozen.
    """
    if not encoder.recipe.frozen:
        return None
    started = time.monotonic()
    encoder.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = FeatureFolder(folder)
    found = [
        None if store is None else features_of(
            store, encoder, preprocess, views=views, augment=AUGMENTS[config.augment], machine=machine, folder=kept,
            progress=progress,
        )
        for store, views in zip(stores, (config.views, 0), strict=True)
    ]  # fmt: skip
    train, validation = found
    assert train is not None  # noqa: S101  (there is always something to learn from)
    encoder.head.standardise(torch.from_numpy(train.reshape(-1, train.shape[2])).to(machine.device))
    return Frozen(train, validation, time.monotonic() - started)


def standardise(encoder: Adapted, store: ImageStore, preprocess: Preprocess) -> None:
    """Set the head of a backbone that is fine-tuned to the size of its features, by a sample of the pictures."""
    rows = np.linspace(0, len(store) - 1, min(len(store), _LOOKED_AT)).astype(np.int64)
    encoder.eval()
    with torch.no_grad():
        parts = [
            encoder.features(torch.from_numpy(preprocess.normalise(store.images(rows[i : i + 32]))))
            for i in range(0, len(rows), 32)
        ]
        encoder.head.standardise(torch.cat(parts))


def embed_features(head: nn.Module, features: Features) -> Features:
    """`(B, F)` → `(B, D)` on the CPU, wherever the head is."""
    device = next(head.parameters()).device
    with torch.inference_mode():
        embedded: Features = head(torch.from_numpy(features).to(device)).cpu().numpy()
    return embedded


def as_they_are(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Features need no scaling: the head has it."""
    return features


def unchanged(features: Tensor, _: torch.Generator, __: Tensor | None = None) -> Tensor:
    """Features are not warped: their pictures were."""
    return features
