"""The plain classifier, for contrast: the same backbone, but its output is one of the classes it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from twinnet import encoders
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive
from twinnet.core.types import IntArray
from twinnet.data.augment import Augment
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.encoders import EncoderSpec
from twinnet.losses import CrossEntropy
from twinnet.training.config import TrainConfig
from twinnet.training.loop import fit
from twinnet.training.machine import Machine, choose
from twinnet.training.source import ShuffledItems


@final
@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained classifier; `classes` are the identity numbers it knows, and it can answer nothing else."""

    encoder: nn.Module
    preprocess: Preprocess
    machine: Machine
    classes: IntArray
    seconds: float

    def classify(self, images: npt.NDArray[np.uint8]) -> tuple[IntArray, npt.NDArray[np.float32]]:
        """`(N, H, W, C)` uint8 → the class of each `(N,)` and the probability it gives it `(N,)`."""
        inputs = self.machine.put(torch.from_numpy(self.preprocess.normalise(images)))
        self.encoder.eval()
        with torch.inference_mode(), self.machine.autocast():
            confidence, index = self.encoder(inputs).softmax(1).max(1)
        return self.classes[index.cpu().numpy()], confidence.cpu().numpy()


def train_classifier(
    store: ImageStore,
    spec: EncoderSpec,
    config: TrainConfig,
    *,
    augment: Augment,
    start: Classifier | None = None,
    progress: Progress = SILENT,
) -> Classifier:
    """Train `spec`'s backbone with one output per identity of the store, by softmax cross-entropy.

    `start` is a classifier of other identities: its trunk and preprocessing are gone on from, its classes forgotten.
    """
    classes = np.unique(store.dataset.labels())
    machine = choose(config.device, config.precision)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(config.seed, "weights"))
        encoder = encoders.build(replace(spec, dim=len(classes), normalise=False))
    # One row for each class is no matrix for Muon, whose products of thousands of rows would outweigh all the rest.
    encoder.get_submodule("fc").rate = 1.0  # type: ignore[assignment]
    network = nn.ModuleDict({"encoder": encoder, "loss": CrossEntropy()})
    source = ShuffledItems(store, 64, seed=config.seed)
    if start is not None:
        encoder.get_submodule("trunk").load_state_dict(start.encoder.get_submodule("trunk").state_dict())
        preprocess = start.preprocess
    else:
        preprocess = store.preprocess.measured(store.images(np.arange(min(len(store), 2000))))
    learned = fit(network, source, preprocess.normalise, config, machine, augment=augment, progress=progress)
    return Classifier(encoder, preprocess, machine, classes, learned.seconds)
