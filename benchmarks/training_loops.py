"""The loops that `training_speed.py` lets take turns with twinnet's: what they share, and one step of each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from pytorch_metric_learning import distances, losses, miners, samplers
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

import twinnet
from twinnet.data.augment import AUGMENTS, Augment
from twinnet.data.invented import InventedCharacters
from twinnet.data.load import ImageStore, load
from twinnet.data.preprocess import Preprocess
from twinnet.encoders import EncoderSpec
from twinnet.pairs import PKSampler
from twinnet.training.config import TrainConfig
from twinnet.training.machine import choose
from twinnet.training.run import build_network
from twinnet.training.source import StoredIdentities

K = 4  # items of an identity in a batch
Step = Callable[[], object]


class Setting:
    """The data, the settings and fresh networks that all contenders share."""

    def __init__(self, args: argparse.Namespace) -> None:
        data = twinnet.open_dataset(args.data) if args.data else _invented()
        channels = 3 if args.data and data.read(0).shape[2] == 3 else 1
        self.augment = AUGMENTS["photo" if channels == 3 else "drawing"]
        self.store = load(data, Preprocess(args.size, args.size, channels))
        self.labels = self.store.dataset.labels()
        self.batch, self.workers = args.batch, args.workers
        self.preprocess = self.store.preprocess.measured(self.store.images(np.arange(min(len(data), 1000))))
        self.machine = choose("cpu", args.precision)
        self.config = TrainConfig(
            encoder=args.encoder, channels=channels, size_px=args.size, steps=10**9, loss="supcon"
        )
        self.spec = EncoderSpec(args.encoder, channels, self.config.dim, dropout=self.config.dropout, normalise=True)

    def network(self) -> nn.ModuleDict:
        return build_network(self.spec, self.config)

    def source(self) -> StoredIdentities:
        return StoredIdentities(self.store, PKSampler(self.labels, self.batch // K, K, seed=0), turns=True)


def _invented() -> twinnet.Dataset:
    labels = np.repeat(np.arange(200), 20)
    return twinnet.from_arrays(list(InventedCharacters().draw(labels, np.random.default_rng(0))), labels.tolist())


def bare(task: Setting, *, plain: bool = False) -> Step:
    """One forward and backward pass on a constant tensor; `plain` is float32 in PyTorch's default memory layout."""
    encoder, shape = task.network()["encoder"], (task.batch, task.spec.channels, *task.preprocess.shape[:2])
    machine = choose("cpu", "float32") if plain else task.machine
    images = torch.randn(shape)
    if not plain:
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = machine.put(images)

    def step() -> None:
        with machine.autocast():
            embeddings = encoder(images)
        encoder.zero_grad(set_to_none=True)
        embeddings.sum().backward()

    return step


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images and their labels; each is warped by PIL anew whenever it is asked for."""

    def __init__(self, store: ImageStore, preprocess: Preprocess, augment: Augment) -> None:
        images = store.images(np.arange(len(store)))
        self._images = [Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0]) for image in images]
        self.labels = store.dataset.labels()
        self._augment, self._rng = augment, np.random.default_rng(0)
        self._mean, self._std = (torch.tensor(v)[:, None, None] for v in (preprocess.mean, preprocess.std))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        array = np.asarray(self._warped(self._images[i]))
        pixels = torch.from_numpy(array.reshape(*array.shape[:2], -1).transpose(2, 0, 1).copy()).float() / 255
        return (pixels - self._mean) / self._std, int(self.labels[i])

    def _warped(self, image: Image.Image) -> Image.Image:
        a, rng = self._augment, self._rng
        angle, scale = np.radians(rng.uniform(-1, 1) * a.rotation_deg), np.exp(rng.uniform(-1, 1) * a.scale)
        shear = rng.uniform(-1, 1) * a.shear
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        x, y = image.width / 2, image.height / 2
        dx, dy = rng.uniform(-1, 1, 2) * a.shift * image.width
        row_x, row_y = (cos, shear * cos - sin), (sin, shear * sin + cos)
        data = (*row_x, x - row_x[0] * x - row_x[1] * y + dx, *row_y, y - row_y[0] * x - row_y[1] * y + dy)
        return image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


class PicturePairs(Dataset[tuple[Tensor, Tensor, float]]):
    """Two pictures and whether they show the same identity, evenly."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures, self._rng = pictures, np.random.default_rng(0)
        self._members = [np.flatnonzero(pictures.labels == label) for label in np.unique(pictures.labels)]
        self._number = np.unique(pictures.labels, return_inverse=True)[1]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, float]:
        own, same = self._number[i], self._rng.random() < 0.5
        other = own if same else (own + self._rng.integers(1, len(self._members))) % len(self._members)
        j = int(self._rng.choice(self._members[other]))
        return self._pictures[i][0], self._pictures[j][0], float(same)


def _endless(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def textbook(task: Setting) -> Step:
    """Two forward passes for each pair, contrastive loss (Hadsell et al. 2006), float32, Adam."""
    encoder = task.network()["encoder"]
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    pairs = PicturePairs(Pictures(task.store, task.preprocess, task.augment))
    batches = _endless(DataLoader(pairs, task.batch // 2, shuffle=True, num_workers=task.workers, drop_last=True))

    def step() -> float:
        first, second, same = next(batches)
        optimiser.zero_grad()
        distance = functional.pairwise_distance(encoder(first), encoder(second))
        apart = functional.relu(1.0 - distance)
        loss = (same * distance**2 + (1 - same) * apart**2).mean()
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step


def pml_example(task: Setting) -> Step:
    """One forward pass, mined triplets, float32, Adam: what pytorch-metric-learning's examples show."""
    encoder = task.network()["encoder"]
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    distance = distances.CosineSimilarity()
    mine = miners.TripletMarginMiner(margin=0.2, distance=distance, type_of_triplets="semihard")
    measure = losses.TripletMarginLoss(margin=0.2, distance=distance)
    pictures = Pictures(task.store, task.preprocess, task.augment)
    sampler = samplers.MPerClassSampler(pictures.labels, K, task.batch, length_before_new_iter=len(pictures))
    batches = _endless(DataLoader(pictures, task.batch, sampler=sampler, num_workers=task.workers, drop_last=True))

    def step() -> None:
        images, labels = next(batches)
        optimiser.zero_grad()
        embeddings = encoder(images)
        loss = measure(embeddings, labels, mine(embeddings, labels))
        loss.backward()
        optimiser.step()

    return step
